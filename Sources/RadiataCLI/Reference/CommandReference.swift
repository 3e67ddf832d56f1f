import ArgumentParser
import Foundation

/// Every command with its options, as ArgumentParser describes them.
enum CommandReference {
    /// Options that many commands share are described once, at the end.
    private static let shared: [(title: String, options: any ParsableArguments.Type)] = [
        ("Connection options", ClientOptions.self), ("Format options", FormatOption.self),
        ("Machine options", MachineOptions.self), ("Rank options", RankOptions.self),
    ]

    static func markdown() -> String {
        let groups = shared.map { (title: $0.title, arguments: arguments(of: $0.options)) }
        var parts: [String] = []
        for group in RadiataCommand.configuration.groupedSubcommands {
            parts.append("## \(group.name)")
            for command in group.subcommands {
                parts += sections(of: command, path: "radiata", shared: groups)
            }
        }
        parts.append("## Shared options")
        for group in groups {
            parts.append("### \(group.title)")
            parts.append(group.arguments.map(\.markdown).joined(separator: "\n"))
        }
        return parts.joined(separator: "\n\n") + "\n"
    }

    /// The same as a manual page: roff with the macros of man(7).
    static func manual() -> String {
        let groups = shared.map { (title: $0.title, arguments: arguments(of: $0.options)) }
        var lines = [
            ".TH RADIATA 1 \"\" \"Radiata\" \"User Commands\"", ".SH NAME",
            "radiata \\- sweeps of LoRA and LyCORIS fine-tuning over many machines", ".SH SYNOPSIS",
            ".B radiata", ".I COMMAND", "[options]", ".SH DESCRIPTION",
            Roff.text(RadiataCommand.configuration.abstract),
        ]
        for group in RadiataCommand.configuration.groupedSubcommands {
            lines.append(".SH \(Roff.text(group.name.uppercased()))")
            for command in group.subcommands { lines += entries(of: command, path: "radiata", shared: groups) }
        }
        lines.append(".SH SHARED OPTIONS")
        for group in groups {
            lines.append(".SS \(Roff.text(group.title))")
            lines += group.arguments.flatMap(\.roff)
        }
        return lines.joined(separator: "\n")
    }

    private static func entries(
        of command: any ParsableCommand.Type, path: String, shared: [(title: String, arguments: [Argument])]
    ) -> [String] {
        let configuration = command.configuration
        guard configuration.shouldDisplay else { return [] }
        let path = "\(path) \(command._commandName)"
        guard configuration.subcommands.isEmpty else {
            return configuration.subcommands.flatMap { entries(of: $0, path: path, shared: shared) }
        }
        let all = arguments(of: command)
        let used = shared.filter { group in group.arguments.allSatisfy(all.contains) }
        let own = all.filter { argument in !used.contains { $0.arguments.contains(argument) } }
        var lines = [".SS \(Roff.text(usage(path, own, hasMore: !used.isEmpty)))"]
        for text in [configuration.abstract, configuration.discussion] where !text.isEmpty {
            lines += text.components(separatedBy: "\n\n").flatMap { paragraph in
                guard let examples = CommandExamples.lines(of: paragraph) else { return [".PP", Roff.text(paragraph)] }
                return [".PP", ".nf"] + examples.map(Roff.text) + [".fi"]
            }
        }
        lines += own.flatMap(\.roff)
        if !used.isEmpty {
            lines += [".PP", Roff.text("And the " + used.map { $0.title.lowercased() }.joined(separator: ", ") + ".")]
        }
        return lines
    }

    private static func sections(
        of command: any ParsableCommand.Type, path: String, shared: [(title: String, arguments: [Argument])]
    ) -> [String] {
        let configuration = command.configuration
        guard configuration.shouldDisplay else { return [] }
        let path = "\(path) \(command._commandName)"
        guard configuration.subcommands.isEmpty else {
            return configuration.subcommands.flatMap { sections(of: $0, path: path, shared: shared) }
        }
        var parts = ["### \(path)"]
        for text in [configuration.abstract, configuration.discussion] where !text.isEmpty {
            parts += text.components(separatedBy: "\n\n").map { paragraph in
                guard let examples = CommandExamples.lines(of: paragraph) else { return Markdown.folded(paragraph) }
                return "```sh\n\(examples.joined(separator: "\n"))\n```"
            }
        }
        let all = arguments(of: command)
        let used = shared.filter { group in group.arguments.allSatisfy(all.contains) }
        let own = all.filter { argument in !used.contains { $0.arguments.contains(argument) } }
        parts.append("```sh\n\(usage(path, own, hasMore: !used.isEmpty))\n```")
        var items = own.map(\.markdown)
        if !used.isEmpty {
            let links = used.map { group in
                "[\(group.title.lowercased())](#\(group.title.lowercased().split(separator: " ").joined(separator: "-")))"
            }
            items.append("- and \(links.joined(separator: ", "))")
        }
        if !items.isEmpty { parts.append(items.joined(separator: "\n")) }
        return parts
    }

    private static func usage(_ path: String, _ own: [Argument], hasMore: Bool) -> String {
        let required = own.filter { !$0.isOptional || $0.kind == "positional" }.map(\.inUsage)
        let optional = hasMore || own.contains { $0.isOptional && $0.kind != "positional" }
        return ([path] + required + (optional ? ["[options]"] : [])).joined(separator: " ")
    }

    private static func arguments(of command: any ParsableArguments.Type) -> [Argument] {
        do {
            let described = try JSONDecoder().decode(Description.self, from: Data(command._dumpHelp().utf8))
            return (described.command.arguments ?? []).filter {
                $0.shouldDisplay && !["help", "version"].contains($0.preferredName?.name)
            }
        } catch {
            preconditionFailure("ArgumentParser describes \(command) in an unknown form: \(error)")
        }
    }

    /// ArgumentParser's description of one command, as far as the page needs it (ArgumentParserToolInfo,
    /// version 0).
    private struct Description: Decodable {
        struct Command: Decodable { let arguments: [Argument]? }
        let command: Command
    }

    private struct Argument: Decodable, Equatable {
        struct Name: Decodable, Equatable {
            let kind: String
            let name: String
            var text: String { (kind == "long" ? "--" : "-") + name }
        }

        let kind: String
        let shouldDisplay: Bool
        let isOptional: Bool
        let isRepeating: Bool
        let names: [Name]?
        let preferredName: Name?
        let valueName: String?
        let defaultValue: String?
        let abstract: String?

        private var value: String { "<\(valueName ?? "value")>" }

        var inUsage: String {
            switch kind {
            case "positional": isOptional ? "[\(value)]" : value
            case "option": "\(preferredName?.text ?? "") \(value)"
            default: preferredName?.text ?? ""
            }
        }

        var markdown: String {
            let spelt = (names ?? []).sorted { $0.name.count < $1.name.count }.map(\.text)
            var shown = kind == "positional" ? ["`\(value)`"] : spelt.map { "`\($0)`" }
            if kind == "option", let last = spelt.last { shown[shown.count - 1] = "`\(last) \(value)`" }
            var text = shown.joined(separator: ", ") + ":" + (abstract.map { " " + $0 } ?? "")
            if let defaultValue { text += " (default `\(defaultValue)`)" }
            if kind == "option", !isOptional { text += " (required)" }
            return Markdown.folded(text, prefix: "- ")
        }

        var roff: [String] {
            let spelt = (names ?? []).sorted { $0.name.count < $1.name.count }.map(\.text)
            var shown = kind == "positional" ? [value] : spelt
            if kind == "option", let last = spelt.last { shown[shown.count - 1] = "\(last) \(value)" }
            let note = defaultValue.map { " (default \($0))" } ?? ""
            return [
                ".TP", ".B " + Roff.text(shown.joined(separator: ", ")),
                Roff.text((abstract ?? "") + note + (kind == "option" && !isOptional ? " (required)" : "")),
            ]
        }
    }
}
