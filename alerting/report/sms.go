package report

import (
	"fmt"
	"strings"
	"unicode/utf16"
)

// The encodings of short messages.
const (
	GSM7 = "GSM-7"
	UCS2 = "UCS-2"
)

// SMSCount is how carriers count a short message.
type SMSCount struct {
	// Encoding is GSM-7 if every character is in its alphabet, else UCS-2.
	Encoding string `json:"encoding"`
	// Units are septets of GSM-7 (two for the signs of its extension table) or
	// 16-bit units of UCS-2 (two for what lies outside the basic plane).
	Units int `json:"units"`
	// Parts is how many messages the network carries: one of up to 160 septets
	// or 70 units, else parts of 153 or 67, in which no character is split.
	Parts int `json:"parts"`
	// Billed is how many messages China's platforms count. They count 70 and
	// 67 units whatever the script, the signature in 【】 included.
	Billed int `json:"billed"`
}

// The alphabet of GSM 03.38, and the signs that need an escape before them.
const (
	gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
		"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
	gsmExtended = "\f^{}\\[~]|€"
)

// SMS counts a short message.
func SMS(text string) SMSCount {
	wide := make([]int, 0, len(text))
	septets := make([]int, 0, len(text))
	gsm := true
	for _, r := range text {
		wide = append(wide, utf16.RuneLen(r))
		switch {
		case strings.ContainsRune(gsmBasic, r):
			septets = append(septets, 1)
		case strings.ContainsRune(gsmExtended, r):
			septets = append(septets, 2)
		default:
			gsm = false
		}
	}
	billed := pack(wide, 70, 67)
	if gsm {
		return SMSCount{GSM7, total(septets), pack(septets, 160, 153), billed}
	}
	return SMSCount{UCS2, total(wide), billed, billed}
}

func total(sizes []int) int {
	n := 0
	for _, s := range sizes {
		n += s
	}
	return n
}

// pack returns how many parts characters of these sizes need: one if they fit
// into single, else as many of size each as hold them unsplit.
func pack(sizes []int, single, each int) int {
	n := total(sizes)
	switch {
	case n == 0:
		return 0
	case n <= single:
		return 1
	}
	parts, used := 1, 0
	for _, s := range sizes {
		if used+s > each {
			parts, used = parts+1, 0
		}
		used += s
	}
	return parts
}

func (d Document) smsHead() string {
	n := SMS(d.SMS)
	return fmt.Sprintf(d.label("短信（%d 字，计 %d 条）", "SMS (%d units, billed as %d)"), n.Units, n.Billed)
}
