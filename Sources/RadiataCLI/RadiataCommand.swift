import ArgumentParser

/// The command tree. Each command is thin: options in, one function of a layer below, a rendering out.
struct RadiataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "radiata",
        abstract: "Sweeps of LoRA and LyCORIS fine-tuning over all your machines.",
        discussion: "Start with 'radiata demo'. Every command has --help.",
        version: ProgramVersion.text,
        subcommands: [TrainerCommand.self],
        groupedSubcommands: [
            CommandGroup(name: "Start here", subcommands: [DemoCommand.self, PlanCommand.self, LaunchCommand.self]),
            CommandGroup(
                name: "Watch and ask",
                subcommands: [
                    StatusCommand.self, JobsCommand.self, ShowCommand.self, LogsCommand.self, WorkersCommand.self,
                    OpenCommand.self,
                    QueryCommand.self, TopCommand.self, ExportCommand.self, ReportCommand.self, GridCommand.self,
                ]),
            CommandGroup(
                name: "Change",
                subcommands: [
                    PauseCommand.self, UnpauseCommand.self, CancelCommand.self, ResumeCommand.self, DrainCommand.self,
                ]),
            CommandGroup(
                name: "Daemons",
                subcommands: [CoordinatorCommand.self, WorkerCommand.self, TokenCommand.self, LedgerCommand.self]),
            CommandGroup(
                name: "Without a coordinator",
                subcommands: [
                    TrainCommand.self, SampleCommand.self, EvaluateCommand.self, PretrainCommand.self, DataCommand.self,
                    ModelCommand.self, AdapterCommand.self, BenchCommand.self,
                ]),
        ])
}

enum ProgramVersion {
    static let text = "0.1.0"
}
