import RadiataCLI

@main
enum Main {
    static func main() async {
        await ProgramEntry.run()
    }
}
