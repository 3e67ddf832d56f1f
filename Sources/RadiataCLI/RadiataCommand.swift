import ArgumentParser
import CBuildInfo

/// The command tree. Each command is thin: options in, one function of a layer below, a rendering out.
struct RadiataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "radiata",
        abstract: "Sweeps of LoRA and LyCORIS fine-tuning over all your machines.",
        discussion: "Start with 'radiata demo'. Every command has --help.",
        version: ProgramVersion.text,
        subcommands: [ReferenceCommand.self, TrainerCommand.self, MetricHostCommand.self, JudgeCommand.self],
        groupedSubcommands: [
            CommandGroup(
                name: "Start here",
                subcommands: [
                    DemoCommand.self, ImportCommand.self, CheckCommand.self, PlanCommand.self, LaunchCommand.self,
                    QueueCommand.self,
                ]),
            CommandGroup(
                name: "Watch and ask",
                subcommands: [
                    StatusCommand.self, JobsCommand.self, ShowCommand.self, LogsCommand.self, WorkersCommand.self,
                    OpenCommand.self, DoctorCommand.self,
                    QueryCommand.self, TopCommand.self, AdviseCommand.self, ImportanceCommand.self, ExportCommand.self,
                    ReportCommand.self, GridCommand.self, FetchCommand.self,
                ]),
            CommandGroup(
                name: "Change",
                subcommands: [
                    PauseCommand.self, UnpauseCommand.self, CancelCommand.self, ResumeCommand.self, DrainCommand.self,
                    RerunCommand.self, ExtendCommand.self, TagCommand.self, NoteCommand.self, ArchiveCommand.self,
                    DeleteCommand.self,
                ]),
            CommandGroup(
                name: "Daemons",
                subcommands: [
                    CoordinatorCommand.self, WorkerCommand.self, TokenCommand.self, LedgerCommand.self,
                ]),
            CommandGroup(
                name: "Many machines",
                subcommands: [InviteCommand.self, UpCommand.self, DownCommand.self, SlurmCommand.self]),
            CommandGroup(
                name: "Without a coordinator",
                subcommands: [
                    TrainCommand.self, SampleCommand.self, EditCommand.self, EvaluateCommand.self, PretrainCommand.self,
                    DataCommand.self, ModelCommand.self, AdapterCommand.self, InterferenceCommand.self,
                    BenchCommand.self,
                ]),
        ])
}

/// The program's version: the only place that says it.
package enum ProgramVersion {
    package static let number = "0.1.0"

    /// The number, and the commit where the build knew it: `0.1.0 (1a2b3c4d5e6f)`.
    package static let text: String = {
        let commit = String(cString: cbuild_commit())
        return commit.isEmpty ? number : "\(number) (\(commit))"
    }()
}
