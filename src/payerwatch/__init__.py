"""Payerwatch warns a healthcare billing team when a payer changes how it treats their claims."""
