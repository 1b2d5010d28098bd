"""How a text may be said, and whether two writings can be the same words. Pure: no I/O, no clock.

A text becomes slots, one after another: each holds every way to say one piece of it ("5": "five"), as bare letters without
spaces. Two writings say the same when a way through the slots of one gives the same letters as a way through the other's.
"""
