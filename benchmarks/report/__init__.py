"""What was measured, told: tables and plots in the documents, and the few ratios in README."""
