package password

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

// mostBcrypt is the highest cost of a hash that is brought along: one takes a second of a core, and each step more doubles it.
const mostBcrypt = 14

// bcryptReads is how many bytes of a password bcrypt looks at.
const bcryptReads = 72

// CheckBrought says whether a hash that another system made can be verified here: bcrypt, or argon2id in PHC form.
func CheckBrought(hash string) error {
	if !isBcrypt(hash) {
		if _, _, _, err := decode(hash); err != nil {
			return errors.New("it must be bcrypt ($2b$…), or argon2id in PHC form with a key of 32 bytes")
		}
		return nil
	}
	cost, err := bcrypt.Cost([]byte(hash))
	if err != nil {
		return errors.New("it is not a whole bcrypt hash")
	}
	if cost > mostBcrypt {
		return fmt.Errorf("its bcrypt cost is %d, and at most %d is verified here", cost, mostBcrypt)
	}
	return nil
}

func isBcrypt(hash string) bool { return strings.HasPrefix(hash, "$2") }

// verifyBcrypt takes the password as it was typed too: the system that made the hash may not have composed its characters.
func (h *Hasher) verifyBcrypt(ctx context.Context, hash, password string) (fits bool, err error) {
	if err := CheckBrought(hash); err != nil {
		return false, fmt.Errorf("password: a stored hash: %w", err)
	}
	err = h.inTurn(ctx, func() {
		fits = bcrypt.CompareHashAndPassword([]byte(hash), normalize(password)) == nil
		if composed := string(normalize(password)); !fits && composed != password {
			fits = bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
		}
	})
	return fits, err
}
