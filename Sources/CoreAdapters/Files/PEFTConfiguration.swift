package import CoreTensor
import Foundation

/// The part of PEFT's configuration that decides what an adapter computes: `adapter_config.json` beside a
/// file, or what diffusers puts into a header for each component (`lora_adapter_metadata`).
package struct PEFTConfiguration: Sendable {
    /// Named in errors.
    package let source: String
    /// LORA, LOHA or LOKR.
    package let kind: String
    private let rank: Double?
    private let alpha: Double
    private let ranks: [(rule: PathRule, value: Double)]
    private let alphas: [(rule: PathRule, value: Double)]
    private let isRankStabilised: Bool
    package let isDoRA: Bool

    /// - Throws: `AdapterError` for a configuration that cannot be read, or that asks for what is not done
    ///   here; the message names the entry.
    package init(path: String) throws {
        let text: String
        do {
            text = try String(contentsOfFile: path, encoding: .utf8)
        } catch {
            throw AdapterError(.badOption, "\(path): cannot be read: \(error.localizedDescription)")
        }
        try self.init(text: text, source: path)
    }

    /// - Throws: `AdapterError` for text that is no configuration, or says something that is not read.
    package init(text: String, source: String) throws {
        do {
            try self.init(OrderedJSON(text, place: source), source: source)
        } catch let error as TensorError {
            throw AdapterError(.badOption, "\(error.message); wanted PEFT's configuration, a JSON object")
        }
    }

    /// - Throws: `AdapterError` for a configuration that says something that is not read.
    package init(_ json: OrderedJSON, source: String) throws {
        guard case .object = json else {
            throw AdapterError(.badOption, "\(source): \(json.kind), wanted PEFT's configuration, a map")
        }
        self.source = source
        let entries = Entries(json: json, source: source)
        kind = try entries.text("peft_type")?.uppercased() ?? "LORA"
        guard ["LORA", "LOHA", "LOKR"].contains(kind) else {
            throw AdapterError(.badOption, "\(source): peft_type \(kind) is not read; LORA, LOHA and LOKR are")
        }
        try entries.refuseWhatIsNotDone()
        rank = try entries.number("r")
        // PEFT's own defaults: 8 for each.
        alpha = try entries.number(kind == "LORA" ? "lora_alpha" : "alpha") ?? 8
        ranks = try entries.rules("rank_pattern")
        alphas = try entries.rules("alpha_pattern")
        isRankStabilised = try entries.flag("use_rslora")
        isDoRA = try entries.flag("use_dora")
        if let rank, rank < 1 || rank != rank.rounded() {
            throw AdapterError(.badOption, "\(source): r is \(rank), wanted a whole number from 1 up")
        }
    }

    /// What ΔW is multiplied by: α / r, or α / √r with rs-LoRA.
    ///
    /// - Parameters:
    ///   - path: of the layer in its model.
    ///   - found: the rank that the tensors show; nil where they show none.
    ///   - key: named if the file's rank is another than the configuration's.
    /// - Throws: `AdapterError` if the configuration does not say the layer's scale, or says another rank
    ///   than the file has.
    package func scale(_ path: String, found: Int?, key: String) throws -> Double {
        let wanted = ranks.first { $0.rule.matches(path) }?.value ?? rank
        if let wanted, let found, Double(found) != wanted {
            let shown = wanted == wanted.rounded() && wanted < 1e9 ? "\(Int(wanted))" : "\(wanted)"
            throw AdapterError(
                .wrongShape, "\(key): found rank \(found), \(source) says \(shown); is it this file's?")
        }
        guard let rank = wanted ?? found.map(Double.init) else {
            throw AdapterError(.badOption, "\(source): has no r, which \(key) needs")
        }
        let alpha = alphas.first { $0.rule.matches(path) }?.value ?? alpha
        guard alpha != 0 else {
            throw AdapterError(.badOption, "\(source): alpha is 0 for \(key), which would be no change at all")
        }
        return alpha / (isRankStabilised ? rank.squareRoot() : rank)
    }
}

/// A path rule of PEFT's patterns: a regular expression for a path's last elements.
package struct PathRule: Sendable {
    private let pattern: PathPattern

    /// The longest pattern, and the longest path that any of them fits: module names are much shorter.
    private static let longest = 500

    /// - Throws: `AdapterError` for a pattern that is not understood.
    package init(_ pattern: String, source: String) throws {
        guard pattern.count <= Self.longest else {
            throw AdapterError(
                .badOption, "\(source): a pattern of \(pattern.count) characters, wanted at most \(Self.longest)")
        }
        do {
            self.pattern = try PathPattern(pattern)
        } catch let fault as PathPattern.Fault {
            throw AdapterError(
                .badOption, "\(source): the pattern '\(pattern)' is no regular expression that is read: \(fault.what)")
        }
    }

    /// PEFT's own rule: `re.match(r"(.*\.)?(pattern)$", path)`.
    package func matches(_ path: String) -> Bool {
        let text = Array(path.unicodeScalars)
        guard text.count <= Self.longest else { return false }
        return ([0] + text.indices.filter { text[$0] == "." }.map { $0 + 1 }).contains {
            pattern.matches(text, from: $0)
        }
    }
}

/// Typed access to a configuration's entries.
private struct Entries {
    let json: OrderedJSON
    let source: String

    private func value(_ name: String) -> OrderedJSON? {
        let found = json[name]
        return found == .null ? nil : found
    }

    private func wrong(_ name: String, _ found: OrderedJSON, _ wanted: String) -> AdapterError {
        AdapterError(.badOption, "\(source): \(name) is \(found.kind), wanted \(wanted)")
    }

    func text(_ name: String) throws -> String? {
        guard let found = value(name) else { return nil }
        guard case .text(let text) = found else { throw wrong(name, found, "text") }
        return text
    }

    func number(_ name: String) throws -> Double? {
        guard let found = value(name) else { return nil }
        guard case .number(let number) = found else { throw wrong(name, found, "a number") }
        return number
    }

    func flag(_ name: String) throws -> Bool {
        guard let found = value(name) else { return false }
        guard case .flag(let flag) = found else { throw wrong(name, found, "true or false") }
        return flag
    }

    func rules(_ name: String) throws -> [(rule: PathRule, value: Double)] {
        guard let found = value(name) else { return [] }
        guard case .object(let members) = found else { throw wrong(name, found, "a map of patterns to numbers") }
        return try members.map { member in
            guard case .number(let number) = member.value else {
                throw wrong("\(name), \(member.name)", member.value, "a number")
            }
            return (try PathRule(member.name, source: source), number)
        }
    }

    /// Entries under which the file's tensors mean something else than an update of the base.
    func refuseWhatIsNotDone() throws {
        // These starts change the base itself, and the file holds only the factors that replace what was
        // taken out.
        if case .text(let start)? = value("init_lora_weights") {
            let changing = ["pissa", "olora", "corda", "loftq", "lora_ga"]
            if changing.contains(where: start.lowercased().hasPrefix) {
                throw AdapterError(
                    .badOption,
                    "\(source): init_lora_weights is '\(start)', which changes the base before training; have PEFT convert it "
                        + "(save_pretrained with path_initial_model_for_weight_conversion)")
            }
        }
        let unknown = [
            "use_qalora", "use_bdlora", "arrow_config", "layer_replication", "target_parameters",
            "trainable_token_indices", "megatron_config", "alora_invocation_tokens", "kasa_config", "velora_config",
            "monteclora_config",
        ]
        for name in unknown {
            switch value(name) {
            case nil, .flag(false), .list([]), .object([]): continue
            default: throw AdapterError(.badOption, "\(source): \(name) is set, which is not read")
            }
        }
    }
}
