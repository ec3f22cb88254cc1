"""What is counted and timed, in all processes of one server together, for whoever collects it (Prometheus).

No metric bears a customer, a thing's id or an address: there are as many series as there are routes and steps.
"""
