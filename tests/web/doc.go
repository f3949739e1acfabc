// Package web holds the behaviour of the server over HTTP as text, one file a specification, one case a requirement, and runs it
// against the real server on a real database with a clock of its own.
//
// A file is a list of cases. A case begins with a heading that names the section, and is a list of steps, each followed by what is
// expected of its answer:
//
//	== §4.1.2 a code used twice is refused, and what it bought is revoked
//	connect web
//	redeem web code={code}
//	> 400
//	> json error is invalid_grant
//	refresh web
//	> json reason is reused
//
// A file that begins with `speak NAME` is about a platform's dialect, whose hosts are https://HOST.acme.example; see platform_test.go for
// who is there. Its steps spell every request out as the platform's own documents do. It begins with the lines `refusals carry NAME: VALUE`
// and `pages carry NAME: VALUE`, and its cases tell every refusal whole: the status, the whole body (`says`) or the page's fault, each
// header besides those, or the exact redirect (`location is`). What is left out fails the case.
//
// Steps that send a request:
//
//	GET|POST|… TARGET          any request; the indented lines below it are `header NAME: VALUE`, `form NAME=VALUE`, `body TEXT`,
//	                           `json TEXT`, `auth CLIENT`, `as ada` (with the cookies of a person who is signed in)
//	authorize CLIENT [P=V …]   the first answer to an authorization request; a person's cookies are sent
//	allow, deny CLIENT […]     a person signs in if needed, and answers; the answer is the redirect to the app, its code is {code}
//	redeem CLIENT […]          the code, with PKCE and redirect URI as the request had them
//	connect CLIENT […]         allow, then redeem
//	refresh, machine, introspect, revoke CLIENT […]
//	userinfo TOKEN             with the token in the header
//	                           (a case finds the person's browser as the one before left it; `new browser` is signed out)
//	agree, decline CLIENT URL  the same at an address that is spelled out; visit URL is the first answer to one
//	open PATH, press ID [P=V]  a person opens a page, presses a control; redirects on the site are followed
//
// P=V sets a parameter and P=V again adds a second of that name; -P leaves one out. @auth=none|basic|post and @secret=V authenticate
// otherwise than registered. Text with spaces stands in double quotes. Tokens of an answer are kept as {access_token}, {refresh_token}
// and {id_token}, its cookies as {cookie.NAME}. Other steps: `assert SUBJECT PEM [iat=-61s] [jti=TEXT]` signs {assertion}, `login NAME`, `database fails`,
// and `sign in`, `new browser`, `advance 61s`, `disconnect`, `suspend CLIENT`, `rotate keys`, and
// `keep NAME = VALUE`, or `keep NAME json|callback|header PLACE`.
//
// Expectations: `> STATUS`, and `> header|json|callback|jwt PLACE OPERATOR VALUE`, `> location|body OPERATOR VALUE`, `> says JSON` for a
// whole body in which … is any text, `> fault CODE` for an error page. callback reads the query of the Location, jwt reads `TOKEN.header.NAME` and `TOKEN.NAME`. Operators: is, isnt, contains,
// lacks, begins, matches, present, absent.
package web
