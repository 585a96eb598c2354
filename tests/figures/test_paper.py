from __future__ import annotations

import pytest
from PIL import Image, ImageDraw

from zfexplore.figures.paper import Box, Line, Paper, Picture, Text, paste_curve, paste_finer
from zfexplore.figures.text import font, write

RED, INK = (200, 0, 0), (10, 20, 30)


def drawn(page: Image.Image) -> Image.Image:
    """Draw the same on any image."""
    draw = ImageDraw.Draw(page)
    draw.rectangle((10, 20, 39, 49), fill=RED, outline=INK, width=2)
    draw.line((5, 5, 50, 5), fill=INK)
    write(draw, (60, 40), "abc", 14, colour=INK)
    page.paste(Image.new("RGB", (12, 9), (1, 2, 3)), (70, 50))
    page.paste((9, 9, 9), (0, 60, 10, 70))
    return page


def test_a_page_has_the_pixels_of_any_image_and_remembers_what_was_put_on_it():
    page = drawn(Paper((100, 80)))
    assert isinstance(page, Paper)
    assert page.tobytes() == drawn(Image.new("RGB", (100, 80), "white")).tobytes()
    assert page.things == [
        Box(10, 20, 30, 30, RED, INK, 2),
        Line(((5.5, 5.5), (50.5, 5.5)), INK, 1),
        Text(60, 40, "abc", 14, INK),
        Picture(70, 50, 12, 9),
        Box(0, 60, 10, 10, (9, 9, 9)),
    ]


@pytest.mark.parametrize("anchor", ["la", "lt", "lm", "ls", "lb", "ld", "rs", "rm", "ms", "mm", "mt"])
def test_wherever_text_is_anchored_its_baseline_is_known(anchor):
    page, again = Paper((120, 60)), Image.new("RGB", (120, 60), "white")
    write(ImageDraw.Draw(page), (60, 30), "Expgl", 17, anchor=anchor)
    (text,) = page.things
    assert isinstance(text, Text)
    ImageDraw.Draw(again).text((text.x, text.y), text.text, INK, font(17), f"{text.anchor}s")
    boxes = [Image.eval(image.convert("L"), lambda value: 255 - value).getbbox() for image in (page, again)]
    assert boxes[0] == pytest.approx(boxes[1], abs=1)


def test_a_page_on_a_page_stays_what_it_is_at_its_new_place():
    inner, outer = Paper((40, 30)), Paper((100, 80))
    write(ImageDraw.Draw(inner), (5, 20), "in", 12, colour=INK)
    mask = Image.new("L", (40, 30))
    mask.putpixel((1, 2), 255)
    plain = Image.new("RGB", (40, 30))
    for canvas in (inner, plain):
        paste_curve(canvas, RED, (0, 0), mask, [(0, 1), (2, 3)], 2, 1.5)
        assert canvas.getpixel((1, 2)) == RED
    inner.paste(RED, (0, 0), mask)
    outer.paste(inner, (50, 10))
    assert outer.things == [
        Box(50, 10, 40, 30, (255, 255, 255)),
        Text(55, 30, "in", 12, INK),
        Line(((50, 11), (52, 13)), RED, 2, 1.5),
        Picture(51, 12, 1, 1),
    ]


def test_the_upper_part_of_a_page_is_a_page_and_any_other_part_an_image():
    page = drawn(Paper((100, 80)))
    upper = page.crop((0, 0, 100, 45))
    assert isinstance(upper, Paper)
    assert [type(thing) for thing in upper.things] == [Box, Line, Text]
    assert upper.tobytes() == page.tobytes()[: 3 * 100 * 45]
    assert not isinstance(page.crop((10, 10, 20, 20)), Paper)


def test_what_else_is_drawn_is_a_picture_of_its_place():
    page = Paper((100, 80))
    ImageDraw.Draw(page).ellipse((-5, 10, 20, 30), fill=RED)
    ImageDraw.Draw(page).polygon([(50, 50), (60, 50), (55, 60)], fill=RED)
    assert page.things == [Picture(0, 10, 21, 21), Picture(50, 50, 11, 11)]


def test_a_filled_circle_is_a_dot_and_what_is_drawn_finer_stays_lines():
    finer, page, plain = Paper((80, 40)), Paper((50, 30)), Image.new("RGB", (50, 30), "white")
    draw = ImageDraw.Draw(finer)
    draw.line((0, 20, 79, 20), fill=INK, width=4)
    draw.ellipse((16, 8, 23, 15), fill=RED)
    for canvas in (page, plain):
        paste_finer(canvas, finer, (10, 5), 4)
    assert page.tobytes() == plain.tobytes()
    assert page.getpixel((20, 10)) != (255, 255, 255)
    assert page.things == [
        Line(((10.125, 10.125), (29.875, 10.125)), INK, 1),
        Line(((15, 8),), RED, 0.25, 1),
    ]
