"""Keys, slots, sealing, fingerprints and rotation: the only reader of what is secret.

Every secret of a card is sealed with the data key of its batch, every data key to the current
sealing key pair, and the pairs live in a keyset that each slot holds sealed to a pair of its own.
Without a key cardctl refuses; it never falls back to plaintext and never returns ciphertext as a
card. What fails to open is reported as tampered, by name, and never as an empty value.

Nothing here prints, and no error, payload or mask holds a secret.
"""
