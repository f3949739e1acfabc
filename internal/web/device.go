package web

import "strings"

// describeBrowser reads browser and system out of a User-Agent, empty where unknown. The order matters: every browser
// claims to be the ones before it.
func describeBrowser(userAgent string) (browser, system string) {
	return firstIn(userAgent, browserMarks()), firstIn(userAgent, systemMarks())
}

type mark struct{ token, name string }

func browserMarks() []mark {
	return []mark{
		{"Edg", "Edge"}, {"OPR/", "Opera"}, {"SamsungBrowser", "Samsung Internet"}, {"Firefox/", "Firefox"}, {"FxiOS", "Firefox"},
		{"CriOS", "Chrome"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	}
}

func systemMarks() []mark {
	return []mark{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Macintosh", "Mac"},
		{"CrOS", "ChromeOS"}, {"Linux", "Linux"},
	}
}

func firstIn(s string, marks []mark) string {
	for _, m := range marks {
		if strings.Contains(s, m.token) {
			return m.name
		}
	}
	return ""
}
