"""What keeps a run going: sessions, deadlines, failures, signals, generations, tracking."""
