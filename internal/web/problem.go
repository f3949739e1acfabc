package web

import (
	"unicode/utf8"

	"latchkey.dev/internal/wire"
)

// Field names a form field; it is the id and the name of its input.
type Field string

// The fields that can be wrong.
const (
	FieldEmail           Field = "email"
	FieldPassword        Field = "password"
	FieldNewPassword     Field = "new_password"
	FieldCurrentPassword Field = "current_password"
	FieldName            Field = "name"
	FieldCode            Field = "code"
	FieldAccountName     Field = "account_name"
	FieldRole            Field = "role"
	FieldUserCode        Field = "user_code"
)

// Problem is what is wrong with a field. Each has its sentence in every language.
type Problem string

// The problems a form can have.
const (
	ProblemEmailMissing       Problem = "email_missing"
	ProblemEmailInvalid       Problem = "email_invalid"
	ProblemPasswordMissing    Problem = "password_missing"
	ProblemPasswordShort      Problem = "password_short" // N: the least number of characters
	ProblemPasswordLong       Problem = "password_long"  // N: the most
	ProblemPasswordCommon     Problem = "password_common"
	ProblemPasswordPersonal   Problem = "password_personal" // contains the person's name or address
	ProblemPasswordWrong      Problem = "password_wrong"    // the current one, when changing it
	ProblemPasswordSame       Problem = "password_same"     // the new one is the old one
	ProblemNameMissing        Problem = "name_missing"
	ProblemNameLong           Problem = "name_long" // N: the most
	ProblemCodeMissing        Problem = "code_missing"
	ProblemCodeWrong          Problem = "code_wrong"
	ProblemCodeExpired        Problem = "code_expired"
	ProblemAccountNameMissing Problem = "account_name_missing"
	ProblemAccountNameLong    Problem = "account_name_long" // N: the most
	ProblemRoleMissing        Problem = "role_missing"
	ProblemAlreadyMember      Problem = "already_member"
	ProblemLastOwner          Problem = "last_owner" // an account keeps at least one owner
	ProblemUserCodeMissing    Problem = "user_code_missing"
	ProblemUserCodeWrong      Problem = "user_code_wrong" // unknown, expired or answered: nobody learns which
)

// FieldError is one mistake, said beside its field and in the summary above the form.
type FieldError struct {
	Field   Field
	Problem Problem
	N       int // the number in the sentence, where it has one
}

// Errors are the mistakes of one form, in the order of its fields.
type Errors []FieldError

// NameMistake is what is wrong with a name, by the problems of its field; nil when nothing is.
func NameMistake(name string, field Field, missing, long Problem) Errors {
	switch {
	case name == "":
		return Errors{{Field: field, Problem: missing}}
	case utf8.RuneCountInString(name) > wire.LongestName:
		return Errors{{Field: field, Problem: long, N: wire.LongestName}}
	}
	return nil
}

// For returns the first mistake of a field, or nil.
func (e Errors) For(field Field) *FieldError {
	for i := range e {
		if e[i].Field == field {
			return &e[i]
		}
	}
	return nil
}
