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
		return v.parseKeys(strings.Split(v.secret("master_key_file", fileName), "\n"), v.absolute(fileName))
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
	if s.PasswordFile != "" {
		v.require(password == "", "mail.password_file", "is given and %s is set too: keep one of them", EnvMailPassword)
		password = strings.TrimRight(v.secret("mail.password_file", s.PasswordFile), "\r\n")
	}
	v.require(s.Username == "" || password != "", "mail.password_file", "is missing, and so is %s: mail.username needs a password", EnvMailPassword)
	v.require(s.Username != "" || s.PasswordFile == "", "mail.username", "is missing: mail.password_file is given")
	return password
}

// secret reads a file that holds one.
func (v *validator) secret(key, name string) string {
	full := v.absolute(name)
	data, err := v.source.ReadFile(full)
	v.require(err == nil, key, "%s cannot be read: %v", full, withoutPath(err))
	return string(data)
}

// withoutPath leaves the reason alone: the message around it names the file already.
func withoutPath(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}
