//go:build !linux

package scratch

import (
	"errors"
	"syscall"

	"xunjian/checks/backup/program"
)

const quit = syscall.SIGTERM

var errHere = errors.New("restore tests run on Linux only")

type folder struct{ path string }

func makeFolder(string, string, *program.User) (*folder, error) { return nil, errHere }

func (f *folder) remove() error { return nil }

// Sweep removes nothing: restore tests run on Linux only.
func Sweep(string, string) ([]string, error) { return nil, nil }

func room(string, int64) error { return errHere }
