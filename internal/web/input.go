package web

// input is one labelled field, as the template "input" draws it.
type input struct {
	Field        Field
	Type         string
	Label, Hint  string
	Value        string
	Autocomplete string
	Mode         string // inputmode: which keyboard a phone shows
	MaxLength    int
	Error        *FieldError
	Code         bool // drawn wide apart
	Letters      bool // with Code: of letters, not digits
}

// input builds a field of kind, one of the cases below.
func (sp *speaker) input(kind, value string, errors Errors) input {
	in := sp.inputOf(kind)
	in.Value = value
	in.Error = errors.For(in.Field)
	return in
}

func (sp *speaker) inputOf(kind string) input {
	switch kind {
	case "sign-in-email":
		return input{Field: FieldEmail, Type: "email", Label: sp.plain("field.email"), Autocomplete: "username", Mode: "email", MaxLength: 254}
	case "email":
		return input{Field: FieldEmail, Type: "email", Label: sp.plain("field.email"), Autocomplete: "email", Mode: "email", MaxLength: 254}
	case "invite-email":
		return input{Field: FieldEmail, Type: "email", Label: sp.plain("field.invite_email"), Autocomplete: "off", Mode: "email", MaxLength: 254}
	case "password":
		return input{Field: FieldPassword, Type: "password", Label: sp.plain("field.password"), Autocomplete: "current-password"}
	case "sign-up-password":
		return input{Field: FieldPassword, Type: "password", Label: sp.plain("field.password"), Autocomplete: "new-password"}
	case "new-password":
		return input{Field: FieldNewPassword, Type: "password", Label: sp.plain("field.new_password"), Autocomplete: "new-password"}
	case "current-password":
		return input{Field: FieldCurrentPassword, Type: "password", Label: sp.plain("field.current_password"), Autocomplete: "current-password"}
	case "name":
		return input{Field: FieldName, Type: "text", Label: sp.plain("field.name"), Autocomplete: "name", MaxLength: 120}
	case "account-name":
		return input{Field: FieldAccountName, Type: "text", Label: sp.plain("field.account_name"), Hint: sp.plain("field.account_name_hint"), Autocomplete: "organization", MaxLength: 120}
	case "code":
		return input{Field: FieldCode, Type: "text", Label: sp.plain("field.code"), Autocomplete: "one-time-code", Mode: "numeric", MaxLength: 12, Code: true}
	case "user-code":
		return input{Field: FieldUserCode, Type: "text", Label: sp.plain("field.user_code"), Hint: sp.plain("field.user_code_hint"), Autocomplete: "off", MaxLength: 40, Code: true, Letters: true}
	}
	return input{Field: Field(kind), Type: "text", Label: kind}
}

// Hinted returns the field with a hint below its label.
func (in input) Hinted(hint string) input {
	in.Hint = hint
	return in
}

// DescribedBy lists the ids of what explains the field, for aria-describedby.
func (in input) DescribedBy() string {
	ids := ""
	if in.Hint != "" {
		ids = string(in.Field) + "-hint"
	}
	if in.Error != nil {
		ids += " " + string(in.Field) + "-error"
	}
	return ids
}
