"""Putting a new build in the place of the one that runs, on one machine, and back again where it is no good.

It runs outside of both builds, and so knows nothing of either: it asks them over HTTP.
"""
