"""A stand-in for the renderer: speaks its language, copies the reference video, takes as long as it is told.

Called as `stand_in_renderer.py SECONDS OUTCOME IMAGE VIDEO OUT …`; OUTCOME is body, flow, error, odd-error, crash or
silent.
"""

import json
import shutil
import sys
import time


def say(**words: object) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def main() -> None:
    seconds, outcome = float(sys.argv[1]), sys.argv[2]
    _image, video, out = sys.argv[3:6]
    if outcome == "silent":
        time.sleep(60)
    steps = 20
    for step in range(steps):
        say(progress=step / steps, stage="moving")
        time.sleep(seconds / steps)
    if outcome == "error":
        say(error={"code": "image_processing_error", "message": "The picture can't be moved."})
        sys.exit(1)
    if outcome == "odd-error":
        say(error={"code": "never_heard_of", "message": "Something odd."})
        sys.exit(1)
    if outcome == "crash":
        sys.stderr.write("a fault\n")
        sys.exit(3)
    sys.stdout.write("a library prints what it likes\n")
    shutil.copyfile(video, out)
    say(done={"path": outcome, "frames": 90, "fps": 30.0, "width": 1, "height": 1, "seconds": 3.0, "has_audio": False})


if __name__ == "__main__":
    main()
