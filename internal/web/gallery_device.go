package web

import (
	"net/http"
	"time"
)

const sampleUserCode = "WDJB-MJHT"

func (s samples) devices() []GalleryEntry {
	missing := Errors{{Field: FieldUserCode, Problem: ProblemUserCodeMissing}}
	wrong := Errors{{Field: FieldUserCode, Problem: ProblemUserCodeWrong}}
	consent, long := s.firstConsent(), s.longConsent()
	consent.DeviceCode, consent.Flow.RedirectURI = sampleUserCode, ""
	long.DeviceCode, long.Flow.RedirectURI = sampleUserCode, ""
	return []GalleryEntry{
		entry("device/enter", EnterCode{}),
		entry("device/from-link", EnterCode{UserCode: sampleUserCode, FromLink: true}),
		failed("device/missing", http.StatusUnprocessableEntity, EnterCode{Errors: missing}),
		failed("device/wrong", http.StatusUnprocessableEntity, EnterCode{UserCode: "WDJB-MJHX", Errors: wrong}),
		failed("device/limited", http.StatusTooManyRequests, EnterCode{UserCode: sampleUserCode, Until: s.in(10 * time.Minute)}),
		mine("device/consent", consent),
		mine("device/consent-long-names", long),
		mine("device/allowed", DeviceAnswered{Flow: flow(), Account: nouraShop(), Allowed: true}),
		mine("device/allowed-arabic-account", DeviceAnswered{Flow: Flow{R: "sample", App: longApp()}, Account: bakery(), Allowed: true}),
		mine("device/denied", DeviceAnswered{Flow: flow()}),
		failed("device/ended", http.StatusGone, DeviceCodeEnded{}),
	}
}
