"""The fleet's plan as an external scaler of KEDA."""
