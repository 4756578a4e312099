package mysql

import (
	"regexp"

	"xunjian/checks"
	"xunjian/checks/database/statement"
)

// maxStatement bounds a statement that is shown, in bytes.
const maxStatement = 2000

// plain returns a statement without its literals: what bidders entered is none
// of an operator's business, and passwords stand in statements too.
func plain(sql string) string {
	return checks.SafeText(statement.Normal(sql, statement.MySQL, maxStatement), maxStatement)
}

// Where servers put values into their messages.
var (
	valueInMessage = regexp.MustCompile(`(?s)((?:Duplicate entry|value:?|Data truncation:?|near|key value) )'.*?'( for| at line |; |, |\.|$)`)
	queryInMessage = regexp.MustCompile(`(?s)([Qq]uery: ?)'(.*)'`)
)

// plainMessage returns a server's message without the values that it repeats.
func plainMessage(text string) string {
	text = queryInMessage.ReplaceAllStringFunc(text, func(found string) string {
		m := queryInMessage.FindStringSubmatch(found)
		return m[1] + "'" + plain(m[2]) + "'"
	})
	return checks.SafeText(valueInMessage.ReplaceAllString(text, "${1}'?'$2"), maxStatement)
}
