//! Rust source text as tokens. Comments and white space are left out; a string literal keeps its value.

/// One token and the line it begins on, counted from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub line: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// An identifier or keyword; a raw identifier without its `r#`.
    Ident(String),
    /// `::`
    PathSep,
    /// Any other character of punctuation.
    Punct(char),
    /// The value of a string literal of any sort.
    Str(String),
    /// A number, a character or a lifetime.
    Other,
}

impl Token {
    pub fn is(&self, punct: char) -> bool {
        self.kind == Kind::Punct(punct)
    }

    pub fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub fn word(&self) -> Option<&str> {
        match &self.kind {
            Kind::Ident(word) => Some(word),
            Kind::PathSep | Kind::Punct(_) | Kind::Str(_) | Kind::Other => None,
        }
    }
}

/// Reads a whole file. Text that is no Rust gives some tokens and no error.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        chars: text.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut out = Vec::new();
    while let Some(token) = lexer.next_token() {
        out.push(token);
    }
    out
}

struct Lexer {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Lexer {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(c == '\n');
        Some(c)
    }

    fn next_token(&mut self) -> Option<Token> {
        self.skip_blank();
        let line = self.line;
        let kind = self.kind()?;
        Some(Token { kind, line })
    }

    fn kind(&mut self) -> Option<Kind> {
        let c = self.peek(0)?;
        if let Some((prefix, hashes)) = self.string_start() {
            for _ in 0..prefix {
                self.bump();
            }
            return Some(Kind::Str(match hashes {
                Some(hashes) => self.raw_string(hashes),
                None => self.plain_string(),
            }));
        }
        if c == '\'' || (c == 'b' && self.peek(1) == Some('\'')) {
            self.char_or_lifetime();
            return Some(Kind::Other);
        }
        if c.is_ascii_digit() {
            self.take_word();
            return Some(Kind::Other);
        }
        if is_word(c) {
            let word = self.take_word();
            if word == "r" && self.peek(0) == Some('#') && self.peek(1).is_some_and(is_word) {
                self.bump();
                return Some(Kind::Ident(self.take_word()));
            }
            return Some(Kind::Ident(word));
        }
        self.bump();
        if c == ':' && self.peek(0) == Some(':') {
            self.bump();
            return Some(Kind::PathSep);
        }
        Some(Kind::Punct(c))
    }

    fn skip_blank(&mut self) {
        while let Some(c) = self.peek(0) {
            match (c, self.peek(1)) {
                ('/', Some('/')) => {
                    while self.peek(0).is_some_and(|c| c != '\n') {
                        self.bump();
                    }
                }
                ('/', Some('*')) => self.skip_block_comment(),
                _ if c.is_whitespace() => {
                    self.bump();
                }
                _ => return,
            }
        }
    }

    /// Block comments nest.
    fn skip_block_comment(&mut self) {
        let mut depth = 0_usize;
        while let Some(c) = self.bump() {
            match (c, self.peek(0)) {
                ('/', Some('*')) => depth += 1,
                ('*', Some('/')) => depth -= 1,
                _ => continue,
            }
            self.bump();
            if depth == 0 {
                return;
            }
        }
    }

    /// At a string literal: how many characters stand before its content, and the `#` of a raw one.
    fn string_start(&self) -> Option<(usize, Option<usize>)> {
        let letters = (0..2)
            .take_while(|n| self.peek(*n).is_some_and(|c| "brc".contains(c)))
            .count();
        let raw = (0..letters).any(|n| self.peek(n) == Some('r'));
        let hashes = (letters..).take_while(|n| self.peek(*n) == Some('#')).count();
        if self.peek(letters + hashes) != Some('"') || (hashes > 0 && !raw) {
            return None;
        }
        Some((letters + hashes + 1, raw.then_some(hashes)))
    }

    fn raw_string(&mut self, hashes: usize) -> String {
        let mut value = String::new();
        while let Some(c) = self.bump() {
            if c == '"' && (0..hashes).all(|n| self.peek(n) == Some('#')) {
                for _ in 0..hashes {
                    self.bump();
                }
                break;
            }
            value.push(c);
        }
        value
    }

    /// Escapes become a space, except those that mean nothing for a search: a line that is continued ends nothing.
    fn plain_string(&mut self) -> String {
        let mut value = String::new();
        while let Some(c) = self.bump() {
            match c {
                '"' => break,
                '\\' => match self.bump() {
                    Some('\n') => {
                        while self.peek(0).is_some_and(char::is_whitespace) {
                            self.bump();
                        }
                    }
                    Some(escaped @ ('"' | '\\' | '\'')) => value.push(escaped),
                    _ => value.push(' '),
                },
                _ => value.push(c),
            }
        }
        value
    }

    fn char_or_lifetime(&mut self) {
        if self.peek(0) == Some('b') {
            self.bump();
        }
        self.bump();
        if self.peek(0) == Some('\\') {
            self.bump();
            self.bump();
            while self.bump().is_some_and(|c| c != '\'') {}
        } else if self.peek(1) == Some('\'') {
            self.bump();
            self.bump();
        } else {
            self.take_word();
        }
    }

    fn take_word(&mut self) -> String {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|c| is_word(*c)) {
            word.push(c);
            self.bump();
        }
        word
    }
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        let all = tokens(text);
        all.iter()
            .filter_map(|token| token.word().map(str::to_owned))
            .collect()
    }

    fn strings(text: &str) -> Vec<String> {
        let strings = tokens(text).into_iter().filter_map(|token| match token.kind {
            Kind::Str(value) => Some(value),
            Kind::Ident(_) | Kind::PathSep | Kind::Punct(_) | Kind::Other => None,
        });
        strings.collect()
    }

    #[test]
    fn comments_and_strings_hold_no_identifiers() {
        let text = "a /* b /* c */ d */ e // f\n\"g\" r#\"h \"i\" \"# b\"j\" 'k' 'l' '\\'' '\\u{41}' m";
        assert_eq!(words(text), ["a", "e", "m"]);
        assert_eq!(strings(text), ["g", "h \"i\" ", "j"]);
    }

    #[test]
    fn lifetimes_do_not_swallow_what_follows() {
        assert_eq!(
            words("fn f<'a>(x: &'a str) -> &'static str { b'x'; y }"),
            ["fn", "f", "x", "str", "str", "y"]
        );
        assert_eq!(words("r#type rb br"), ["type", "rb", "br"]);
    }

    #[test]
    fn a_continued_string_is_one_line() {
        assert_eq!(strings("\"INSERT INTO \\\n    person\""), ["INSERT INTO person"]);
        assert_eq!(strings("\"a \\\" b\""), ["a \" b"]);
    }

    #[test]
    fn a_token_knows_its_line() {
        let lines: Vec<usize> = tokens("a\n\"x\ny\"\nb").iter().map(|token| token.line).collect();
        assert_eq!(lines, [1, 2, 4]);
    }
}
