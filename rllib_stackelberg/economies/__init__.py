"""What economies are made of: households, abilities, taxes, inequality."""
