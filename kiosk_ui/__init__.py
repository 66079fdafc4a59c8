"""The teacher's panel: static files that any browser runs as they lie here, without a build step.

``static/`` is what the room's daemon serves at ``/``, found with ``importlib.resources``: ``index.html``, the style
sheets (``tokens.css`` is the server's portal's too), the ES modules in ``js/`` and the sentences of each language in
``locale/*.json``. Every address inside is relative. The page asks only this origin, over the daemon's HTTP API and
WebSocket.

``locale/*.po`` are the catalogues that people translate; ``python -m kiosk_ui.compile`` makes the JSON files of them.
"""
