package wire_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"latchkey.dev/internal/wire"
)

func TestRFC9700_4_12_WhatWasPostedIsNotPostedOn(t *testing.T) {
	for method, want := range map[string]int{http.MethodGet: http.StatusFound, http.MethodPost: http.StatusSeeOther} {
		answer := httptest.NewRecorder()
		wire.Redirect(answer, httptest.NewRequest(method, "/", nil), "com.example.app:/cb?code=x")
		if answer.Code != want || answer.Header().Get("Location") != "com.example.app:/cb?code=x" || answer.Body.Len() != 0 ||
			answer.Header().Get("Cache-Control") != "no-store" || answer.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: %d %v %q", method, answer.Code, answer.Header(), answer.Body)
		}
	}
}
