"""Every sentence of the page by its code, one table a language.

A code is `part.name`; `{holes}` are filled in by the page (`kit.t`) with numbers, dates and money in the visitor's
locale. Errors and problems that have no entry here are shown in the words of whoever raised them, which are English.
A second language is a second table with the same codes.
"""

from collections.abc import Mapping
from typing import Final

TITLE: Final = "Motion Control"
DESCRIPTION: Final = "Give a picture and a video: the character of the picture makes the motion of the video."

ENGLISH: Final[Mapping[str, str]] = {
    # -- the frame of the page
    "head.title": TITLE,
    "head.line": "Your picture, moving like your video.",
    "head.sandbox": "Sandbox",
    "head.sandbox.hint": "No key is set: videos are made on this computer, for free.",
    "head.live": "Live",
    "head.live.hint": "Orders go to EvoLink and cost credits.",
    "tab.create": "Create",
    "tab.videos": "My videos",
    "tab.lookup": "Look up a task",
    "tab.code": "As code",
    # -- used everywhere
    "common.copy": "Copy",
    "common.copied": "Copied",
    "common.cancel": "Cancel",
    "common.try_again": "Try again",
    "common.more": "Show more",
    "level.problem": "Problem: ",
    "level.warning": "Note: ",
    "unit.kb": "{n} kB",
    "unit.mb": "{n} MB",
    "unit.seconds": "{n} s",
    "unit.credits": "{n} credits",
    "unit.credits_sandbox": "{n} credits (sandbox, nothing is charged)",
    "mode.sandbox": "Sandbox",
    "mode.live": "Live",
    # -- the two files
    "create.title": "Make a video",
    "create.lead": "Two files and one click.",
    "example.button": "Try an example",
    "drop.how": "Drop it here, paste it, or click to choose",
    "drop.image.title": "The character",
    "drop.video.title": "The motion",
    "drop.image.limits": "JPG or PNG, up to 10 MB, sides of at least 300 px",
    "drop.video.limits": "MP4 or MOV, 3 to 30 s, up to 100 MB, sides of 340 to 3850 px",
    "drop.image.alt": "The picture you chose",
    "drop.video.alt": "The motion video you chose",
    "drop.image.sending": "Sending the picture",
    "drop.video.sending": "Sending the video",
    "drop.replace": "Replace",
    "drop.remove": "Remove",
    "drop.link": "Use a link instead",
    "drop.image.link": "Address of the picture (https)",
    "drop.video.link": "Address of the video (https)",
    "drop.image.linked": "The picture will be fetched and checked when you generate.",
    "drop.video.linked": "The video will be fetched and checked when you generate.",
    "drop.looking": "Looking at the file…",
    "drop.sending": "Sending…",
    "drop.checking": "Checking…",
    "drop.undecodable": "This browser cannot play the file; it is fine all the same.",
    "drop.gone": "The file from before is no longer on the server. Please choose it again.",
    "facts.sound": "with sound",
    "facts.silent": "silent",
    # -- problems that the page finds itself, before a byte is sent
    "problem.image_type": "“{name}” is not a JPG or PNG picture.",
    "problem.image_type.next": "Choose a file that ends in .jpg, .jpeg or .png.",
    "problem.video_type": "“{name}” is not an MP4 or MOV video.",
    "problem.video_type.next": "Choose a file that ends in .mp4 or .mov.",
    "problem.empty": "The file is empty.",
    "problem.empty.next": "Choose another one; it was perhaps not fully saved.",
    "problem.too_big": "The file has {size}; at most {limit} are accepted.",
    "problem.too_big.next": "Save it smaller, or choose another one.",
    "problem.too_short": "The video lasts {seconds} s; at least {limit} s are needed.",
    "problem.too_short.next": "Choose a longer one.",
    "problem.too_long": "The video lasts {seconds} s; at most {limit} s are accepted.",
    "problem.too_long.next": "Cut it to the part that you want.",
    "problem.too_small": "It has {width} x {height} px; both sides need at least {limit} px.",
    "problem.too_small.next": "Choose a larger one.",
    "problem.link": "This is not a link that can be fetched.",
    "problem.link.next": "Give a whole address that begins with https://.",
    "problem.facing_image": (
        "The video lasts {seconds} s; while the character faces as in the picture, at most {limit} s are accepted."
    ),
    "problem.facing_image.next": "Let it face as in the video (up to 30 s), or choose a shorter video.",
    "problem.facing_image.fix": "Face as in the video",
    # -- the choices
    "facing.title": "The character faces",
    "facing.image": "As in the picture",
    "facing.image.hint": "Keeps the picture's view. Video up to 10 s.",
    "facing.video": "As in the video",
    "facing.video.hint": "Turns with the person. Video up to 30 s.",
    "quality.title": "Quality",
    "quality.720p": "720p",
    "quality.1080p": "1080p",
    "quality.rate": "{credits} credits ({usd}) a second",
    "sound.title": "Keep the video's sound",
    "sound.hint": "Off makes a silent video.",
    "prompt.title": "Prompt (optional)",
    "prompt.hint": "Describe scene and style; the motion comes from your video.",
    "prompt.example": "On a rooftop at dusk, city lights behind, cinematic",
    "prompt.count": "{n} of {most}",
    "advanced.title": "More options",
    "watermark.title": "Watermark",
    "watermark.hint": "EvoLink marks the video.",
    "element.title": "Element id",
    "element.hint": (
        "A character of yours that was made from a video at EvoLink. Elements carry their own facing, so this works"
        " only facing as in the video."
    ),
    "element.problem": "Works only facing as in the video: switch above, or clear the id.",
    "consent.live": (
        "Use only pictures and videos of people who agreed. Both files go to EvoLink, which keeps them 72 hours;"
        " this app keeps them {days} days, or until you delete the video."
    ),
    "consent.sandbox": (
        "Use only pictures and videos of people who agreed. In the sandbox the files stay on this server, {days} days"
        " or until you delete the video."
    ),
    # -- the button, and why it may not be pressed
    "go.generate": "Generate",
    "go.sending": "Placing the order…",
    "go.price": "{credits} credits (about {usd})",
    "why.sending": "One moment.",
    "why.busy": "A file is still on its way.",
    "why.both": "Add a picture and a video first.",
    "why.image": "Add a picture of the character first.",
    "why.video": "Add a video with the motion first.",
    "why.too_long": "The video is longer than {limit} s: face as in the video, or choose a shorter one.",
    "why.prompt": "The prompt is {over} characters too long.",
    "why.element": "An element id works only facing as in the video.",
    "why.credits": "Only {left} credits are left.",
    "why.link_price": "The price follows from the video's length, which is known once it was fetched.",
    "why.free": "Sandbox: this is the live price. Here nothing is charged.",
    "balance.left": "{n} credits left.",
    "balance.topup": "Top up",
    # -- the empty card
    "empty.title": "Your video appears here",
    "empty.one": "Add a picture of one character, head and limbs in view.",
    "empty.two": "Add a video of the motion: one person, one shot, no cuts.",
    "empty.three": "See the price, press Generate, and watch.",
    "empty.keep": "You may close the page meanwhile; the work goes on.",
    # -- the job card
    "card.label": "Your video",
    "card.steps": "Steps",
    "card.progress": "Progress",
    "card.reconnecting": "Reconnecting… the job goes on meanwhile.",
    "card.details": "Details",
    "card.result": "The result",
    "card.reference": "The motion",
    "card.poster": "The picture that is being animated",
    "card.request_id": "For support: request {id}",
    "state.queued": "Waiting in line",
    "state.hosting": "Making your video",
    "state.submitting": "Making your video",
    "state.running": "Making your video",
    "state.saving": "Making your video",
    "state.done": "Your video is ready",
    "state.failed": "This one did not work",
    "state.unknown": "Did the order arrive?",
    "state.stopped": "No longer followed",
    "stage.upload": "Upload",
    "stage.order": "Order",
    "stage.generate": "Generate",
    "stage.save": "Save",
    "stands.done": " (done)",
    "stands.now": " (now)",
    "stands.later": " (to come)",
    "stands.trouble": " (ended here)",
    "now.queued": "Starting…",
    "now.line": "Number {n} in line",
    "now.hosting": "Uploading the files…",
    "now.hosting_bytes": "Uploading {done} of {all}",
    "now.submitting": "Placing the order…",
    "now.running": "Generating…",
    "now.running_percent": "Generating, {n} %",
    "now.saving": "Saving the video…",
    "time.elapsed": "{time} so far",
    "time.left": "about {time} left",
    "time.soon": "any moment now",
    "time.took": "took {time}",
    "title.done": "✓ Ready",
    "title.failed": "✕ Failed",
    "title.attention": "! Look here",
    "title.percent": "{n} %",
    "title.working": "Working…",
    "spoken.stage": "Step: {stage}",
    "spoken.done": "Your video is ready.",
    "charged.no": "Nothing was charged.",
    "charged.unknown": "It is not known whether this was charged.",
    "charged.yes": "This was charged.",
    "message.stopped": "The app looks away from this job. EvoLink may still finish it, and it may be charged.",
    "message.unknown": "The connection broke while the order was on its way. It may have arrived; none was sent twice.",
    "action.download": "Download",
    "action.compare": "Compare with the motion",
    "action.stop": "Stop following",
    "action.follow_again": "Follow again",
    "action.send_again": "Send again",
    "action.attach": "I have its task id",
    "action.attach_now": "Attach",
    "action.give_up": "Give up",
    "action.edit": "Edit and try again",
    "action.reuse": "Use again",
    "action.share": "Copy link",
    "action.notify": "Tell me when it is ready",
    "action.delete": "Delete",
    "ask.stop": (
        "EvoLink offers no way to cancel: the video is still made and charged there. Only this page stops looking; you"
        " can follow again later."
    ),
    "ask.send_again": (
        "The order goes out once more under the same key. If EvoLink honours the key you get the first order back; if"
        " it does not, and the first one arrived, you pay twice."
    ),
    "ask.attach": "Paste the task id from your EvoLink dashboard. It is read and checked; nothing is ordered.",
    "ask.give_up": (
        "The job ends here. If the order had arrived, it stays charged, and you find the video in your dashboard."
    ),
    "ask.delete": "The video and both files are removed from this app for good.",
    "attach.label": "Task id",
    "fact.task": "Task id",
    "fact.task.copy": "Copy the task id",
    "fact.credits.used": "Charged",
    "fact.credits.reserved": "Reserved",
    "fact.credits.estimated": "Estimated",
    "fact.made": "Made with",
    "fact.prompt": "Prompt",
    "fact.video": "Video",
    "fact.vendor": "At EvoLink",
    "fact.vendor.link": "Original link",
    "fact.vendor.until": "until {date}",
    "fact.started": "Started",
    # -- errors of the page's own making; others come with their words
    "error.no_connection": "The server could not be reached.",
    "next.no_connection": (
        "Check the connection and press again; what you entered is kept, and nothing is ordered twice."
    ),
    "error.request_failed": "The server could not do this.",
    "next.request_failed": "Try again in a moment. Nothing was ordered.",
    "error.upload_failed": "The file could not be sent.",
    "next.upload_failed": "Try again.",
    "error.too_big_for_server": "The file is larger than this server accepts.",
    "next.too_big_for_server": "Choose a smaller one.",
    "error.too_many_requests": "Too many requests in a short time.",
    "next.too_many_requests": "Wait a minute, then try again.",
    "error.too_many_uploads": "Too many files in a short time.",
    "next.too_many_uploads": "Wait a few minutes, then try again.",
    "error.file_gone": "The file is no longer on the server.",
    "next.file_gone": "Choose it again. Nothing was ordered.",
    "error.prompt_too_long": "The prompt has more than 2,500 characters.",
    "next.prompt_too_long": "Shorten it. Nothing was ordered.",
    "error.missing_files": "A picture and a video are needed.",
    "next.missing_files": "Add both. Nothing was ordered.",
}

LANGUAGES: Final[Mapping[str, Mapping[str, str]]] = {"en": ENGLISH}


def words(*parts: str, language: str = "en") -> dict[str, str]:
    """The sentences of some parts of the page ("drop", "card", …) by code; a gap in a language is filled in English."""
    table = {**ENGLISH, **LANGUAGES.get(language, {})}
    return {code: text for code, text in table.items() if code.split(".", 1)[0] in parts}


def say(code: str, **values: object) -> str:
    """One sentence in English, its holes filled."""
    return ENGLISH[code].format(**values)
