package config

import (
	"errors"
	"io/fs"
	"strings"

	"latchkey.dev/internal/seal"
)

// masterKeys come from the environment or from a file, one a line. Messages name the place and never what stands there.
func (v *validator) masterKeys(fileName string) [][]byte {
	fromEnv := v.source.Getenv(EnvMasterKey)
	switch {
	case fromEnv != "" && fileName != "":
		v.add("master_key_file", "is given and %s is set too: keep one of them", EnvMasterKey)
	case fromEnv != "":
		return v.parseKeys(strings.Split(fromEnv, ","), EnvMasterKey)
	case fileName != "":
		if text, ok := v.read("master_key_file", fileName); ok {
			return v.parseKeys(strings.Split(string(text), "\n"), v.absolute(fileName))
		}
	default:
		v.add("master_key_file", "is missing, and so is %s: make a key with `latchkey key generate-master > master.key` and name that file here", EnvMasterKey)
	}
	return nil
}

func (v *validator) parseKeys(lines []string, place string) [][]byte {
	var keys [][]byte
	for _, line := range lines {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := seal.ParseMasterKey(line)
		if v.require(err == nil, "master_key_file", "%s: %v", place, err) {
			keys = append(keys, key)
		}
	}
	if len(keys) > 0 {
		_, err := seal.NewKeyring(keys...)
		v.require(err == nil, "master_key_file", "%s: %v", place, err)
	}
	v.require(len(keys) > 0 || v.Any(), "master_key_file", "%s holds no key: make one with `latchkey key generate-master`", place)
	return keys
}

func (v *validator) mailPassword(s mailSection) string {
	password := v.source.Getenv(EnvMailPassword)
	if s.PasswordFile == "" {
		v.require(s.Username == "" || password != "", "mail.password_file", "is missing, and so is %s: mail.username needs a password", EnvMailPassword)
		v.require(s.Username != "" || password == "", "mail.username", "is missing: %s is set", EnvMailPassword)
		return password
	}
	v.require(password == "", "mail.password_file", "is given and %s is set too: keep one of them", EnvMailPassword)
	v.require(s.Username != "", "mail.username", "is missing: mail.password_file is given")
	text, readable := v.read("mail.password_file", s.PasswordFile)
	password = strings.TrimRight(string(text), "\r\n")
	v.require(password != "" || !readable, "mail.password_file", "%s is empty", v.absolute(s.PasswordFile))
	return password
}

// withoutPath leaves the reason alone: the message around it names the file already.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
