"""How Payerwatch answers under load: a gate that every change passes, and the proof that it sheds what is too much."""
