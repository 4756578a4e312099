package term

import (
	"os"

	"golang.org/x/sys/windows"
)

// enableColours asks the console to understand the sequences; consoles before
// Windows 10 do not.
func enableColours(f *os.File) bool {
	h := windows.Handle(f.Fd())
	var mode uint32
	if windows.GetConsoleMode(h, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(h, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}
