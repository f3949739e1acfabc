package seal

import (
	"fmt"
	"io"
	"math/big"
)

// NewDigits returns count random decimal digits, each number as likely as any other. It is for names that a platform wants in
// digits, never for secrets.
func NewDigits(rand io.Reader, count int) (string, error) {
	random := make([]byte, count/2+8) // eight bytes more than needed keep the remainder's bias below 2^-64
	if _, err := io.ReadFull(rand, random); err != nil {
		return "", fmt.Errorf("seal: no randomness: %w", err)
	}
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(count)), nil)
	number := new(big.Int).Mod(new(big.Int).SetBytes(random), limit)
	return fmt.Sprintf("%0*s", count, number.String()), nil
}
