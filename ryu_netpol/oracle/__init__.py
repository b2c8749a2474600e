"""L1: what policies mean, slow and obvious; imports the model only and knows no flows."""
