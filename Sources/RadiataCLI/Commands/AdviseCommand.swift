import ArgumentParser
import Foundation
import Ports
import SweepAnalysis
import SweepClient
import SweepFile
import SweepModel
import SweepWire

struct AdviseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "advise", abstract: "What a sweep's answer is, and which jobs would make it surer.",
        discussion: """
            Names the configurations that cannot be told apart and how many more seeds would tell, and prints these jobs as \
            the part of a sweep file. Base, data and all other settings are in your own file: with --file a copy with the \
            advised jobs is written beside it, and with --launch launched into the same sweep. Nothing is trained twice.
            """)

    @Argument(help: "The sweep.")
    var sweep: String
    @Option(help: "The sweep file that was launched.")
    var file: String?
    @Flag(help: "Launch the advised jobs; needs --file.")
    var launch = false
    @OptionGroup var options: ClientOptions

    func validate() throws {
        if launch, file == nil {
            throw ValidationError("--launch needs --file FILE: base and data are read from your own sweep file")
        }
    }

    func run() async throws {
        let client = try options.client()
        let (set, rule) = try await SweepResults(source: client, sweep: sweep).fetchForAnswer(withImages: true)
        let answer = set.answer(rule: rule)
        Console.out(answer.words.joined(separator: "\n"))
        for warning in answer.warnings { Console.note("warning: \(warning)") }
        guard let advice = answer.advice else {
            Console.note(answer.rows.isEmpty ? "nothing to advise yet" : "no more seeds are needed")
            return
        }
        guard let file else {
            Console.out("\n\(advice.text)\nIn place of 'seeds', 'defaults' and 'groups' of the sweep file:\n")
            Console.write(advice.fragment)
            Console.note("radiata advise \(sweep) --file FILE writes the whole file; --launch launches it")
            return
        }
        let advised = try write(advice, beside: file)
        let launcher = SweepLauncher(client: client)
        let inputs = SweepFileReader.Inputs()
        let plan = try launcher.read(advised, inputs)
        try check(plan, advice, answer, file: file)
        guard launch else {
            Console.out("\n\(advice.text)\nwrote \(advised)\nradiata launch \(advised) --yes")
            return
        }
        let launched = try await launcher.launch(plan, inputs, again: "radiata launch \(advised) --yes")
        Console.out("\n\(launched.sweep): \(launched.added) jobs added")
    }

    /// `mine.yaml` becomes `mine.advised.yaml`, in the same folder: paths in it are relative to that.
    private func write(_ advice: Advice, beside file: String) throws -> String {
        let text: String
        do {
            text = try SweepText.decode(try DiskFiles().read(file, limit: SweepText.largestFile), file: file)
        } catch let error as PortsError {
            throw CommandFailure(.usage, "\(file): \(error.message)")
        }
        guard let rewritten = SweepFileRewrite.replacingJobs(in: text, with: advice.fragment) else {
            throw CommandFailure(
                .usage, "\(file): its keys do not stand a line each; put this into it by hand:\n\(advice.fragment)")
        }
        let ending = (file as NSString).pathExtension
        let path = (file as NSString).deletingPathExtension + ".advised" + (ending.isEmpty ? "" : ".\(ending)")
        try OutputFile.write(Data(rewritten.utf8), to: path)
        return path
    }

    /// The file must be of this sweep and make exactly the configurations that are meant.
    private func check(_ plan: SweepFile, _ advice: Advice, _ answer: SweepAnswer, file: String) throws {
        guard plan.plan.name.text == sweep else {
            throw CommandFailure(.usage, "\(file) is of the sweep '\(plan.plan.name.text)', not of '\(sweep)'")
        }
        let wanted = Set(advice.ranks.compactMap { rank in answer.rows.first { $0.rank == rank }?.configuration })
        let found = Set(plan.plan.configurations.map(\.id.text))
        guard found == wanted else {
            throw CommandFailure(
                .usage,
                "\(file) is not the file that was launched as '\(sweep)': with its other keys "
                    + "\(wanted.subtracting(found).count) of \(wanted.count) advised configurations would be others")
        }
    }
}
