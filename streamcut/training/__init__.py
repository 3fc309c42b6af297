"""How the embedded portrait network is made, and how to make your own.

`python -m streamcut.training --help` lists the steps: prepare a data set from
photographs and masks, train, evaluate, export to ONNX, write the model card.
Needs the extra `train` (PyTorch, ONNX, pymatting, SciPy).

    label                                        mattes by published networks
    pack, prepare, people, teachers, soften      the data set
    doubt, harden, panoramas                     which of it is taught, and how often
    geometry, look, scenes, clips, batches       what the network is shown
    network, losses, loop, warmstart             what learns, from what, and how
    evaluate, export, card                       what came of it
    script, hair, truth, reels                   clips whose mattes are known exactly
"""
