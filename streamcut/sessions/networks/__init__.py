"""Network architectures, a module each.

How to add one:

1. If the network takes one image and returns one map, it may need no code: add a row to
   ``CATALOG`` in ``sessions/files/catalog.py`` with its size, mean, deviation and activation.
2. Otherwise write a class in a module of its own, on top of
   :class:`~streamcut.sessions.networks.saliency.MapSession` (one frame at a time) or
   :class:`~streamcut.sessions.networks.recurrent.RecurrentSession` (state from frame to frame). It
   says at which size it wants a frame (``input_size``) and gives the stream of one video
   (``stream``), whose call takes RGB uint8 [height, width, 3] at that size and returns a
   ``Prediction``: alpha float32 [height, width] in 0..1, and foreground colours if the network
   tells them. ``predict`` does the same for an image.
3. Name the architecture in ``sessions/files/model.py`` and map it to the class in
   ``sessions/__init__.py``; give each of its published files a row in the catalogue, with checksum
   and licence. ``by_file`` there recognises users' own files of that kind.
4. ``tests/sessions/test_contract.py`` runs every architecture through the same checks: add a small
   graph to ``tests/helpers/graphs.py``. Run ``python docs/generate.py`` for the list of models.
"""
