"""What a prediction is worth, beside baselines."""
