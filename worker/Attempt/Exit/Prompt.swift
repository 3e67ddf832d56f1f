import Foundation
package import Ports

/// A program that asks at a keyboard nobody sits at: what it asks, and what answers it beforehand.
package struct Prompt: Equatable, Sendable {
    /// What it printed last.
    package let line: String
    private let remedy: String

    /// What a failure says.
    package var message: String {
        "the trainer waits for somebody at a keyboard ('\(line)'), and nobody is there; \(remedy)"
    }

    /// Texts of programs, in small letters, and what to do about each. The first that fits counts.
    private static let known: [(texts: [String], remedy: String)] = [
        (
            ["wandb: enter your choice", "paste an api key", "api_key not configured", "wandb: (1)"],
            "W&B wants a login: set WANDB_MODE=offline (or WANDB_API_KEY) in env of the trainer, or log elsewhere"
        ),
        (
            [
                "enter your token", "token (input will not be visible)", "hf auth login", "huggingface-cli login",
                "add token as git credential",
            ],
            "Hugging Face wants a login: set HF_TOKEN in env of the trainer, or use files that are there already"
        ),
        (
            ["username for", "could not read username", "password for '", "could not read password"],
            "git wants a login: use a folder that is there already, or an address with its own credentials"
        ),
        (
            ["a terminal is required to read the password", "[sudo] password"],
            "sudo wants a password: run what needs it beforehand"
        ),
        (
            ["are you sure you want to continue connecting", "passphrase for", "'s password:"],
            "ssh wants an answer: connect once by hand, and use a key without a passphrase"
        ),
        (["accept the license", "accept the terms", "do you agree"], "agree once by hand on each machine"),
        (["password:", "passphrase:"], "give the password in a file or in env, or do without it"),
        (
            [
                "[y/n]", "(y/n)", "[yes/no]", "(yes/no)", "y/n?", "overwrite?", "continue?",
                "do you wish to run the custom code",
            ],
            "look for an option of the program that answers it (--yes, --trust_remote_code, …)"
        ),
        (
            ["enter your choice", "press enter", "press any key", "select an option"],
            "look for an option that answers it"
        ),
    ]

    /// What programs say that found no keyboard.
    private static let ends = [
        "eoferror", "eof when reading a line", "no such device or address", "terminal prompts disabled",
        "not a tty", "no-tty", "inappropriate ioctl for device", "a terminal is required", "stdin is not a terminal",
        "getpasswarning",
    ]

    /// A line without its end that asks for something.
    package static func asking(_ line: String) -> Prompt? {
        let text = line.lowercased()
        guard let found = known.first(where: { $0.texts.contains(where: text.contains) }) else { return nil }
        return Prompt(line: shortened(line), remedy: found.remedy)
    }

    /// What a program asked before it ended because nobody answered.
    package static func unanswered(in log: [String]) -> Prompt? {
        let last = log.suffix(60)
        guard last.contains(where: { line in ends.contains(where: line.lowercased().contains) }) else { return nil }
        // Lines of a traceback quote the program's own text.
        let own = last.filter { $0.first?.isWhitespace != true }
        if let prompt = own.reversed().lazy.compactMap(asking).first { return prompt }
        // Python's input() with a text that is not known: it stands before the traceback.
        guard last.contains(where: { $0.contains("EOFError") }),
            let line = last.last(where: { $0.contains("Traceback (most recent call last)") })
        else { return nil }
        let asked = line.components(before: "Traceback")
        let question = asked.isEmpty ? "input()" : asked
        return Prompt(line: shortened(question), remedy: "look for an option of the program that answers it")
    }

    private static func shortened(_ line: String) -> String {
        let text = line.components(before: "Traceback (most recent call last)")
        return String((text.isEmpty ? line : text).suffix(160))
    }
}

extension String {
    /// What stands before a text, without spaces around it; all of it where the text is not there.
    fileprivate func components(before text: String) -> String {
        let head = self.range(of: text).map { String(self[..<$0.lowerBound]) } ?? self
        return head.trimmingCharacters(in: .whitespaces)
    }
}

/// Looks whether a program waits at a keyboard: the last thing that it printed asks for something and has no
/// line end, and nothing moves any more.
package struct PromptWatch: Sendable {
    /// How long nothing must move.
    package static let patience: Duration = .seconds(20)

    private var line = ""
    private var bytes: Int64 = -1
    private var step: Int?
    private var since: MonotonicTime?

    package init() {}

    /// - Parameters:
    ///   - line: what was printed last, without its line end.
    ///   - bytes: how much was printed in all.
    ///   - step: the newest that was logged.
    package mutating func look(_ line: String, bytes: Int64, step: Int?, now: MonotonicTime) -> Prompt? {
        if bytes != self.bytes || step != self.step {
            (self.line, self.bytes, self.step, since) = (line, bytes, step, now)
            return nil
        }
        guard let since, now - since >= Self.patience else { return nil }
        return Prompt.asking(line)
    }
}
