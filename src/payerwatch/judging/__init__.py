"""When a customer's claims are judged: at once, after somebody has asked, or once a night; and then whom that concerns
is told.
"""
