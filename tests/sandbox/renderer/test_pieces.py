"""What the small parts promise each other."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from evolink_ui.sandbox import renderer
from evolink_ui.sandbox.renderer.backdrop import fill_behind, hole_of
from evolink_ui.sandbox.renderer.badge import make_badge, make_watermark
from evolink_ui.sandbox.renderer.clip import output_rate
from evolink_ui.sandbox.renderer.compositor import Plane, draw, make_layer
from evolink_ui.sandbox.renderer.curves import fill_gaps, smooth, soft_limit
from evolink_ui.sandbox.renderer.fill import spread
from evolink_ui.sandbox.renderer.follow import PoseTrack
from evolink_ui.sandbox.renderer.joints_warp import Bone, Spine, look_along_limb, look_through_spine
from evolink_ui.sandbox.renderer.picture import load_picture
from evolink_ui.sandbox.renderer.pose_net import INPUT_PX, READING, WEIGHTS, Window, look
from evolink_ui.sandbox.renderer.prepare import prepare
from evolink_ui.sandbox.renderer.rest_pose import rest_pose
from evolink_ui.sandbox.renderer.runtime import OpenCvNet, load_net
from evolink_ui.sandbox.renderer.shadow import find_shadow, lift
from evolink_ui.sandbox.renderer.subject import cut_out_subject


@pytest.mark.parametrize(
    ("rate", "fps"),
    [
        (Fraction(60), Fraction(30)),
        (Fraction(120), Fraction(30)),
        (Fraction(60000, 1001), Fraction(30000, 1001)),
        (Fraction(25), Fraction(25)),
        (Fraction(1), Fraction(4)),
        (None, Fraction(25)),
    ],
)
def test_fast_clips_are_halved_until_they_fit(rate: Fraction | None, fps: Fraction) -> None:
    assert output_rate(rate) == fps


def test_smoothing_keeps_straight_lines_and_has_no_lag() -> None:
    line = np.arange(30.0)
    np.testing.assert_allclose(smooth(line, 2.0), line, atol=1e-9)
    assert smooth(line, 0.0) is line
    noisy = np.sin(line / 5) + np.random.default_rng(1).normal(0, 0.1, 30)
    assert np.abs(smooth(noisy, 1.5) - np.sin(line / 5)).mean() < np.abs(noisy - np.sin(line / 5)).mean()


def test_a_soft_limit_is_never_passed_and_small_values_stay() -> None:
    value = np.linspace(-10, 10, 101)
    limited = soft_limit(value, 2.0)
    assert np.abs(limited).max() <= 2.0
    np.testing.assert_allclose(limited[np.abs(value) < 1.5], value[np.abs(value) < 1.5])


def test_gaps_are_filled_between_known_frames() -> None:
    filled = fill_gaps(np.array([0, 4]), np.array([[0.0, 1.0], [4.0, 1.0]]), 6)
    np.testing.assert_allclose(filled[:, 0], [0, 1, 2, 3, 4, 4])
    np.testing.assert_allclose(filled[:, 1], 1)


def test_a_curve_between_known_frames_is_round_and_a_long_gap_straight() -> None:
    every = np.arange(33)
    swing = np.sin(every / 6)[:, None]
    at = every[::4]
    curved = fill_gaps(at, swing[at], 33)
    assert (
        np.abs(curved - swing)[4:-4].max() < 0.4 * np.abs(fill_gaps(at, swing[at], 33, longest=3) - swing)[4:-4].max()
    )
    np.testing.assert_allclose(curved[at], swing[at])
    at = np.array([0, 4, 8, 28, 32])
    np.testing.assert_allclose(np.diff(fill_gaps(at, swing[at], 33, longest=10)[8:29, 0], 2), 0, atol=1e-9)


def test_a_spread_colour_reaches_everywhere_and_known_ones_stay() -> None:
    values = np.zeros((40, 60, 3), np.float32)
    known = np.zeros((40, 60), np.float32)
    values[:, :10], known[:, :10] = 200, 1
    filled = spread(values, known)
    np.testing.assert_allclose(filled[:, :10], 200, atol=1)
    np.testing.assert_allclose(filled[:, 50:], 200, atol=8)


def plane_of(points: NDArray[np.float64]) -> tuple[Plane, Plane]:
    return points[..., 0].astype(np.float32), points[..., 1].astype(np.float32)


def as_it_is(x: Plane, y: Plane) -> tuple[Plane, Plane]:
    return x + 0 * y, y + 0 * x


def test_a_limb_at_rest_looks_at_itself() -> None:
    joints = np.array([[10.0, 10.0], [40.0, 20.0], [60.0, 50.0]])
    x, y = plane_of(np.random.default_rng(2).uniform(0, 70, (9, 9, 2)))
    np.testing.assert_allclose(look_along_limb(x, y, joints, joints, 5.0, 1.0), (x, y), atol=1e-4)


def test_a_bent_limb_finds_its_joints_in_the_picture() -> None:
    rest = np.array([[10.0, 10.0], [40.0, 10.0], [70.0, 10.0]])
    now = np.array([[10.0, 10.0], [10.0, 40.0], [40.0, 40.0]])
    found = np.stack(look_along_limb(*plane_of(now), now, rest, 5.0, 1.0), axis=-1)
    np.testing.assert_allclose(found, rest, atol=1e-4)


def test_a_moved_spine_looks_back_to_where_it_came_from() -> None:
    up = np.array([0.0, -1.0])
    rest = Spine(*(Bone(np.array([50.0, y]), up) for y in (90.0, 50.0, 20.0)))
    shift = np.array([7.0, -3.0])
    now = Spine(*(Bone(bone.origin + shift, bone.up) for bone in rest.bones))
    points = np.random.default_rng(3).uniform(0, 100, (5, 5, 2))
    found = look_through_spine(*plane_of(points + shift), now, rest, 0.4)
    np.testing.assert_allclose(found, plane_of(points), atol=1e-4)


def test_a_layer_drawn_in_place_is_the_picture() -> None:
    picture = np.random.default_rng(4).integers(0, 255, (64, 80, 3), np.uint8)
    alpha = np.zeros((64, 80), np.float32)
    alpha[10:50, 20:60] = 1
    layer = make_layer(picture, alpha)
    assert layer is not None
    frame = np.zeros_like(picture)
    draw(frame, layer, as_it_is, (0.0, 0.0, 80.0, 64.0))
    assert np.abs(frame[12:48, 22:58].astype(int) - picture[12:48, 22:58]).max() <= 2
    assert frame[:8].max() == 0
    before = frame.copy()
    draw(frame, layer, as_it_is, (90.0, 0.0, 99.0, 9.0))  # wholly outside
    draw(frame, layer, as_it_is, (0.0, 0.0, 20.0, 8.0))  # where nothing of the layer is
    np.testing.assert_array_equal(frame, before)


def test_a_small_layer_draws_a_small_copy_of_the_frame() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(4).integers(0, 255, (96, 128, 3), np.uint8), (0, 0), 4)
    alpha = np.zeros((96, 128), np.float32)
    alpha[16:80, 24:104] = 1
    layer = make_layer(np.asarray(picture, np.uint8), alpha)
    assert layer is not None
    large, small = np.zeros((96, 128, 3), np.uint8), np.zeros((48, 64, 3), np.uint8)
    draw(large, layer, lambda x, y: (x - 4 + 0 * y, y - 2 + 0 * x), (0.0, 0.0, 128.0, 96.0))
    draw(small, layer.smaller(0.5), lambda x, y: (x - 4 + 0 * y, y - 2 + 0 * x), (0.0, 0.0, 128.0, 96.0))
    expected = cv2.resize(large, (64, 48), interpolation=cv2.INTER_AREA)
    assert np.abs(small[11:39, 17:52].astype(int) - expected[11:39, 17:52]).mean() < 3


def test_nothing_makes_no_layer() -> None:
    assert make_layer(np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.float32)) is None


def test_a_hole_in_a_gradient_is_filled_unnoticed() -> None:
    down = np.linspace(40, 220, 300)[:, None, None]
    picture = np.broadcast_to(down, (300, 240, 3)).astype(np.uint8)
    alpha = np.zeros((300, 240), np.float32)
    alpha[80:240, 90:150] = 1
    spoiled = picture.copy()
    spoiled[alpha > 0] = (0, 0, 255)
    filled = fill_behind(spoiled, hole_of(alpha, 4))
    assert np.abs(filled.astype(int) - picture).mean() < 3
    assert np.abs(filled.astype(int) - picture).max() < 40


def test_a_picture_without_a_hole_stays_and_a_tiny_rest_is_filled_smoothly() -> None:
    picture = np.full((64, 64, 3), 90, np.uint8)
    assert fill_behind(picture, np.zeros((64, 64), np.uint8)) is picture
    hole = np.ones((64, 64), np.uint8)
    hole[:4] = 0
    assert np.abs(fill_behind(picture, hole).astype(int) - 90).max() <= 2


def test_a_shadow_is_found_lifted_and_laid_elsewhere(mika: Path) -> None:
    picture = load_picture(mika, "720p")
    person = prepare(picture)
    assert person is not None
    assert person.shadow is not None
    x, y = (person.shadow.ankles.mean(axis=0) + np.array([0, 25])).astype(int)
    ground = picture.bgr[y, x - 8 : x + 8].mean()
    bare = lift(picture.bgr, person.shadow)[y, x - 8 : x + 8].mean()
    assert bare > ground * 1.15
    frame = np.full_like(picture.bgr, 200)
    person.shadow.lay(frame, np.array([[-100.0, 0.0], [-100.0, 0.0]]))
    assert frame[y, x - 100].mean() < 185
    person.shadow.lay(frame, np.full((2, 2), -5000.0))  # wholly outside
    assert frame[20, 20].mean() == 200


def test_each_foot_takes_its_half_of_the_shadow_along(mika: Path) -> None:
    picture = load_picture(mika, "720p")
    person = prepare(picture)
    assert person is not None
    assert person.shadow is not None
    (left_x, y), (right_x, _) = (person.shadow.ankles + np.array([0, 25])).astype(int)
    outwards = np.sign(left_x - right_x)
    together, apart = (np.full_like(picture.bgr, 200) for _ in range(2))
    person.shadow.lay(together, np.zeros((2, 2)))
    person.shadow.lay(apart, np.array([[90.0 * outwards, 0.0], [-90.0 * outwards, 0.0]]))
    middle = (left_x + right_x) // 2
    assert apart[y, middle].mean() > together[y, middle].mean() + 10
    for x in (left_x + 60 * outwards, right_x - 60 * outwards):
        assert apart[y, x].mean() < together[y, x].mean() - 2


def test_an_arm_under_a_wide_coat_stays_where_it_is(mika: Path) -> None:
    person = prepare(load_picture(mika, "720p"))
    assert person is not None
    track = PoseTrack(np.zeros((1, 33, 2)), np.zeros((1, 33)), np.ones(33), [], 1)
    size = person.alpha.shape[::-1]
    assert {"left_arm", "right_arm"} <= rest_pose(person.pose, track, size, person.alpha).limbs.keys()
    coat = person.alpha.copy()
    coat[200:600] = 1
    assert not {"left_arm", "right_arm"} & rest_pose(person.pose, track, size, coat).limbs.keys()


def test_plain_ground_has_no_shadow() -> None:
    picture = np.full((400, 400, 3), 140, np.uint8)
    ankles = np.array([[180.0, 300.0], [220.0, 300.0]])
    assert find_shadow(picture, np.zeros((400, 400), np.float32), ankles, 100.0) is None
    assert find_shadow(picture, np.zeros((400, 400), np.float32), ankles - [170.0, 0.0], 100.0) is None


def test_a_texture_has_no_main_thing() -> None:
    noise = np.random.default_rng(5).integers(0, 255, (200, 300, 3), np.uint8)
    assert cut_out_subject(noise) is None
    assert cut_out_subject(np.full((200, 300, 3), 80, np.uint8)) is None


def test_a_turned_window_shows_the_person_upright() -> None:
    window = Window(50.0, 60.0, 100.0, 0.3)
    matrix = window.to_input()
    np.testing.assert_allclose(matrix @ np.array([50.0, 60.0, 1.0]), [128, 128], atol=1e-9)
    assert np.hypot(matrix[0, 0], matrix[0, 1]) == pytest.approx(2.56)


def test_an_empty_frame_holds_nobody() -> None:
    assert look(np.full((100, 100, 3), 90, np.uint8), Window(50, 50, 100)).score < 0.5


def test_machines_without_onnx_runtime_read_the_same_pose() -> None:
    file = WEIGHTS / "pose_landmarks.onnx"
    picture = {"image": np.random.default_rng(3).random((1, 3, INPUT_PX, INPUT_PX)).astype(np.float32)}
    ours, theirs = (net.run(picture, READING) for net in (load_net(file), OpenCvNet(file)))
    assert not isinstance(load_net(file), OpenCvNet)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, atol=0.01)  # of 256 pixels


def test_the_marks_stand_in_opposite_corners() -> None:
    left, right = make_badge(720, 960), make_watermark(720, 960)
    assert left.box[0] < 40
    assert right.box[2] > 680
    frame = np.full((960, 720, 3), 255, np.uint8)
    left.stamp(frame)
    assert frame[left.box[1] + 12, left.box[0] + 20].mean() < 160


def test_a_camera_that_lay_on_its_side_is_turned_upright(tmp_path: Path) -> None:
    pixels = np.full((400, 600, 3), 90, np.uint8)
    ok, jpeg = cv2.imencode(".jpg", pixels)
    assert ok
    # A minimal Exif segment: orientation 6, turn clockwise.
    exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    data = jpeg.tobytes()
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "phone.jpg").write_bytes(data[:2] + segment + data[2:])
    picture = load_picture(tmp_path / "phone.jpg", "720p")
    assert (picture.width, picture.height) == (720, 1080)


def test_the_package_names_what_it_offers() -> None:
    assert callable(renderer.render)
    assert issubclass(renderer.RenderError, Exception)
    with pytest.raises(AttributeError):
        _ = renderer.nothing
