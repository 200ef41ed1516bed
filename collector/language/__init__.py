"""The language both programs speak: catalogue, messages, topics, codec, births, control, ledger, errors.

Whoever receives decides what is accepted, so the language lives with the collector; the simulator imports
nothing else from there, because a real city is just another speaker.
"""
