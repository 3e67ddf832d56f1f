import RunSpec
import SweepModel

extension WandbReader {
    struct Command {
        /// As entries of a YAML list.
        var arguments: [String]
        /// `${args_json_file}` stands in it.
        var needsFile: Bool
    }

    private static let usual = ["${env}", "${interpreter}", "${program}", "${args}"]

    /// The command, with `env -C` before it: a run starts in the folder of the sweep file, as under W&B's
    /// agent, and not in the attempt's.
    mutating func command(_ entry: YAMLEntry?, program: YAMLEntry?, _ root: YAMLNode) -> Command? {
        var items: [(text: String, mark: SourceMark)] = Self.usual.map { ($0, root.mark) }
        if let entry {
            items = (decoder.sequence(entry.value, "command") ?? []).compactMap { node in
                decoder.source(node, "command").map { ($0, node.mark) }
            }
            if items.isEmpty { refuse(entry.value.mark, "command is empty") }
        }
        var command = Command(
            arguments: [Self.quoted("/usr/bin/env"), Self.quoted("-C"), Self.quoted(Self.literal(around.folder))],
            needsFile: false)
        for (text, mark) in items {
            switch text {
            case "${env}": continue
            // What every system has that has Python; inside an environment it is that of the environment.
            case "${interpreter}": command.arguments.append(Self.quoted("python3"))
            case "${program}":
                guard let path = self.program(program, root) else { return nil }
                command.arguments.append(Self.quoted(Self.literal(path)))
            case let macro where macro.hasPrefix("${args"):
                guard let arguments = self.arguments(macro, mark) else { return nil }
                command.needsFile = command.needsFile || macro == "${args_json_file}"
                command.arguments += arguments
            default: command.arguments.append(Self.quoted(Self.literal(expanded(text, mark))))
            }
        }
        return command
    }

    private mutating func program(_ entry: YAMLEntry?, _ root: YAMLNode) -> String? {
        guard let entry, let path = decoder.text(entry.value, "program") else {
            refuse(root.mark, "'program' is missing: the script that is run")
            return nil
        }
        let whole = path.hasPrefix("/") ? path : around.folder + "/" + path
        if !around.exists(whole) {
            refuse(entry.value.mark, "no program '\(path)' beside the sweep file; looked for \(whole)")
        }
        return whole
    }

    /// One of the macros for all parameters, as entries of a YAML list.
    private mutating func arguments(_ macro: String, _ mark: SourceMark) -> [String]? {
        switch macro {
        case "${args}": return each { ["--\($0)=\($1)"] }
        case "${args_no_equals}": return each { ["--\($0)", $1] }
        case "${args_no_hyphens}": return each { ["\($0)=\($1)"] }
        case "${args_append_hydra}": return each { ["+\($0)=\($1)"] }
        case "${args_override_hydra}": return each { ["++\($0)=\($1)"] }
        case "${args_no_boolean_flags}": return each(flagsStandAlone: true) { ["--\($0)=\($1)"] }
        case "${args_json}":
            let texts = parameters.flatMap(\.listed).compactMap(\.text)
            for text in texts where text.contains(where: { "\"\\".contains($0) }) {
                refuse(mark, "${args_json}: the value '\(text)' has quotes; write ${args_json_file} instead")
            }
            return [Self.quoted(WandbParameter.json(always))]
        case "${args_json_file}": return [Self.quoted("{out}/args.json")]
        default:
            refuse(mark, "'\(macro)' is no macro of W&B's commands")
            return nil
        }
    }

    /// - Parameters:
    ///   - flagsStandAlone: a true one is its name alone, a false one is left out.
    ///   - form: the arguments of a name with its value.
    private mutating func each(
        flagsStandAlone: Bool = false, _ form: (String, String) -> [String]
    ) -> [String] {
        var result: [String] = []
        func add(_ arguments: [String], onlyWhere condition: String? = nil) {
            let list = arguments.map(Self.quoted)
            guard let condition else {
                result += list
                return
            }
            result.append("{ \(Self.quoted(condition + "?")): [\(list.joined(separator: ", "))] }")
        }
        let tree = WandbParameter.tree(parameters, quote: "'") { $0.isText ? "'{\($0.name)}'" : "{\($0.name)}" }
        for (key, value) in tree {
            guard let own = parameters.first(where: { $0.path == [key] }) else {
                // A nested one is a dictionary as Python prints it.
                add(form(key, value))
                continue
            }
            if own.isFlag {
                // As Python spells them.
                add(flagsStandAlone ? ["--\(key)"] : form(key, "True"), onlyWhere: own.name)
                if !flagsStandAlone { add(form(key, "False"), onlyWhere: "!" + own.name) }
            } else {
                if own.mayBeNull {
                    note("the argument of '\(key)' is left out where it is null, and wandb.config does not have it")
                }
                add(form(key, "{\(own.name)}"), onlyWhere: own.mayBeNull ? own.name : nil)
            }
        }
        return result
    }

    /// `${envvar:NAME}` as it is where the sweep is launched.
    private mutating func expanded(_ text: String, _ mark: SourceMark) -> String {
        var rest = Substring(text)
        var result = ""
        while let start = rest.firstRange(of: "${envvar:") {
            result += rest[..<start.lowerBound]
            rest = rest[start.upperBound...]
            guard let end = rest.firstIndex(of: "}") else {
                refuse(mark, "command: '\(text)' has no '}' behind ${envvar:")
                return text
            }
            let name = String(rest[..<end])
            guard let value = around.environment[name] else {
                refuse(mark, "command: the environment variable \(name) is not set here")
                return text
            }
            result += value
            rest = rest[rest.index(after: end)...]
        }
        result += rest
        if result.hasPrefix("${"), result.hasSuffix("}") {
            refuse(mark, "'\(result)' is no macro of W&B's commands")
        }
        return result
    }

    /// Text that stands for itself in a template.
    private static func literal(_ text: String) -> String {
        CommandTemplate(text).names.reduce(text) { $0.replacing("{\($1)}", with: "{{\($1)}}") }
    }
}
