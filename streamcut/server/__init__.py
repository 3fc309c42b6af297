"""A server and its page: images and videos cut out over HTTP (the extra ``server``).

::

    app         the application: routes, errors, what belongs together
    guard       who may ask, and how much they may send
    patience    connections that send nothing
    fetching    addresses of others, fetched without reaching our own network
    sessions    loaded models
    gate        images worked on at a time
    images      /api/remove, as rembg's server has it
    removebg    /v1.0/removebg, as remove.bg documents it
    videos      /v1/videos: jobs and results
    uploads     what is sent for them
    jobs/       what is kept of a job, and who works on it
    stills      one frame of a job, with other settings at once
    live/       frames of a running camera, in browsers
    page/       what the browser shows
"""
