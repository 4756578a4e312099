package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// minPassword is the least length of a password, in characters; maxPassword,
// in bytes, keeps a request from costing more than a password is worth.
const (
	minPassword = 10
	maxPassword = 1024
)

func checkPassword(password string) error {
	if len(password) > maxPassword {
		return refuse("password_long", "max", maxPassword)
	}
	if utf8.RuneCountInString(password) < minPassword {
		return refuse("password_short", "min", minPassword)
	}
	// Nobody can type these; some program sent them by mistake.
	if !utf8.ValidString(password) || strings.ContainsRune(password, 0) {
		return refuse("password_bytes")
	}
	return nil
}

// argon2id with 19 MiB, two passes, one lane: OWASP's figures for a server
// that has little memory to spare.
const (
	argonMemory = 19 << 10 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonKey    = 32
	argonSalt   = 16
)

// stored is a password as the store has it: what went into argon2id and what
// came out.
type stored struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

// nobody is hashed against for names that do not exist, so that they cost the
// same. No password matches it: its key is not one that argon2 gave.
var nobody = stored{argonMemory, argonPasses, argonLanes, make([]byte, argonSalt), make([]byte, argonKey)}

// String writes the PHC string.
func (s stored) String() string {
	enc := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, s.memory, s.passes, s.lanes, enc(s.salt), enc(s.key))
}

var errDamaged = errors.New("the stored password is damaged; set another one with xunjian users passwd")

// maxStored is far more than String ever writes.
const maxStored = 512

// parse reads what String writes and nothing else. It takes no figures that
// argon2 would refuse by a panic, or take all memory or all day for.
func parse(phc string) (stored, error) {
	var s stored
	parts := strings.Split(phc, "$")
	if len(phc) > maxStored || len(parts) != 6 {
		return stored{}, errDamaged
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &s.memory, &s.passes, &s.lanes); err != nil {
		return stored{}, errDamaged
	}
	var err1, err2 error
	s.salt, err1 = base64.RawStdEncoding.DecodeString(parts[4])
	s.key, err2 = base64.RawStdEncoding.DecodeString(parts[5])
	sane := s.lanes >= 1 && s.lanes <= 16 && s.memory >= 8*uint32(s.lanes) && s.memory <= 64<<10 && s.passes >= 1 && s.passes <= 16 &&
		len(s.salt) >= 8 && len(s.salt) <= 64 && len(s.key) >= 16 && len(s.key) <= 64
	if err1 != nil || err2 != nil || !sane || s.String() != phc {
		return stored{}, errDamaged
	}
	return s, nil
}

// hash returns the PHC string of a password.
func (a *Accounts) hash(ctx context.Context, password string) (string, error) {
	if err := checkPassword(password); err != nil {
		return "", err
	}
	release, err := a.turn(ctx)
	if err != nil {
		return "", err
	}
	defer release()
	s := stored{memory: argonMemory, passes: argonPasses, lanes: argonLanes, salt: make([]byte, argonSalt)}
	rand.Read(s.salt)
	s.key = a.derive([]byte(password), s.salt, s.passes, s.memory, s.lanes, argonKey)
	return s.String(), nil
}

// verify compares a password with a stored one; the caller has the turn.
func (a *Accounts) verify(s stored, password string) bool {
	got := a.derive([]byte(password), s.salt, s.passes, s.memory, s.lanes, uint32(len(s.key)))
	return subtle.ConstantTimeCompare(got, s.key) == 1
}

// turn waits for the one place where passwords are hashed.
func (a *Accounts) turn(ctx context.Context) (release func(), err error) {
	select {
	case a.hashing <- struct{}{}:
		return func() { <-a.hashing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
