"""Journal, chain, keys, storage, finalising and verifying of what a session's recorder was given.

Owns ``data_dir/recordings`` and ``data_dir/keys`` and the format of ``docs/RECORDING-FORMAT.md``. Knows the relay only
as a caller of its sinks (``media.ports``); renders no page and decides nothing about sessions.

    pure      canonical · chain · logbook · pcapng · frames · tape, blocks · messages · timeline ·
              depacketize · verdicts · words
    disk      filesystem (the one seam) · layout · keys · recovery · take · derived · reader · verify
    shells    journal (the relay's side) · remote, process (what lies between) · opening, writer, crew (threads that
              write) · participant, mux, finalize (PyAV) · library, jobs,
              store, models (pages, worker, database) · cli
"""
