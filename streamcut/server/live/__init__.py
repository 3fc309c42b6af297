"""Live frames in browsers: colour above matte in one WebRTC stream, put together by a shader.

::

    encoding    frames to packets, once for all viewers
    viewers     who watches, each with a queue of its own
    camera      a browser's camera as a source
    controls    what the page's sliders change
    hub         the server beside a live job: all of these
"""
