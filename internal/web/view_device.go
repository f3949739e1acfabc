package web

import "time"

// EnterCode asks for the code that a device shows (RFC 8628 §3.3). It posts user_code to /device.
type EnterCode struct {
	UserCode string    // what the link brought, or what was typed before
	FromLink bool      // the link brought it: the person compares it with their device
	Until    time.Time // set: too many attempts, try again then
	Errors   Errors    // FieldUserCode
}

func (v EnterCode) page() meta {
	return meta{template: "enter-code", layout: cardLayout, title: say("device.title"), problem: len(v.Errors) > 0 || !v.Until.IsZero()}
}

// DeviceAnswered sends the person back to their device.
type DeviceAnswered struct {
	Flow    Flow
	Account Account // with Allowed
	Allowed bool
}

func (v DeviceAnswered) page() meta {
	title := say("device.denied_title")
	if v.Allowed {
		title = say("device.allowed_title")
	}
	return meta{template: "device-answered", layout: cardLayout, title: title, flow: Flow{R: v.Flow.R}}
}

// DeviceCodeEnded says that the code which the person entered is over: it expired, or somebody else answered it.
type DeviceCodeEnded struct{}

func (v DeviceCodeEnded) page() meta {
	return meta{template: "device-code-ended", layout: cardLayout, title: say("device.ended_title"), problem: true, errorCode: "device_code_ended"}
}
