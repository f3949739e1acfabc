package web

import (
	"encoding/hex"
	"fmt"
	"math"
	"strings"
)

// leastContrast is what WCAG 2.2 §1.4.3 asks of text.
const leastContrast = 4.5

// colour is sRGB, each channel 0–255.
type colour struct{ r, g, b float64 }

// The surfaces of style.css that brand-coloured text stands on. The page's background and the card differ a little: these are
// the ones with the least contrast.
func lightSurface() colour { return colour{0xf4, 0xf5, 0xf7} }
func darkSurface() colour  { return colour{0x23, 0x27, 0x2e} }

func parseColour(s string) (colour, error) {
	digits, found := strings.CutPrefix(s, "#")
	rgb, err := hex.DecodeString(digits)
	if !found || err != nil || len(rgb) != 3 {
		return colour{}, fmt.Errorf("colour %q: write it as #rrggbb", s)
	}
	return colour{float64(rgb[0]), float64(rgb[1]), float64(rgb[2])}, nil
}

// String writes the colour as #rrggbb.
func (c colour) String() string {
	return fmt.Sprintf("#%02x%02x%02x", int(math.Round(c.r)), int(math.Round(c.g)), int(math.Round(c.b)))
}

// luminance is the relative luminance of WCAG 2.2, 0 for black and 1 for white.
func (c colour) luminance() float64 {
	return 0.2126*linear(c.r) + 0.7152*linear(c.g) + 0.0722*linear(c.b)
}

func linear(channel float64) float64 {
	v := channel / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}

// contrast is the contrast ratio of WCAG 2.2, from 1 to 21.
func contrast(a, b colour) float64 {
	light, dark := a.luminance(), b.luminance()
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

// readableOn moves c towards black on a light surface, or towards white on a dark one, until it can be read there.
func readableOn(c, surface colour) colour {
	target := colour{0, 0, 0}
	if surface.luminance() < 0.5 {
		target = colour{255, 255, 255}
	}
	for i := 0; i <= 50 && contrast(c, surface) < leastContrast; i++ {
		c = colour{c.r + (target.r-c.r)*0.05, c.g + (target.g-c.g)*0.05, c.b + (target.b-c.b)*0.05}
	}
	return c
}

// textOn is white or near-black, whichever can be read better upon c.
func textOn(c colour) colour {
	white, ink := colour{255, 255, 255}, colour{0x14, 0x18, 0x1f}
	if contrast(white, c) >= contrast(ink, c) {
		return white
	}
	return ink
}
