package web

import "testing"

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		newRenderer(b)
	}
}

func BenchmarkRenderConsent(b *testing.B) {
	re := newRenderer(b)
	page := samples{now: midday(), lang: "en"}.firstConsent()
	for b.Loop() {
		get(b, re, "/consent?r=x", page)
	}
}
