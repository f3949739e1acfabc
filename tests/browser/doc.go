// Package browser walks the journeys of people through the real binary in a real browser, with JavaScript and without, checks every page
// of the gallery with axe-core against WCAG 2.2 AA, and leaves pictures in artefacts/browser. Without Chromium it skips.
package browser
