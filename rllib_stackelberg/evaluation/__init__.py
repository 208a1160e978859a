"""What leaders are worth: values, certificates, estimates, gaps, verdicts, baselines."""
