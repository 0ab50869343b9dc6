/** How each real agent is run against a scripted model: its command line, and what keeps it to itself. */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"

/** Made up: the scripted model takes any. */
export const KEY = "scripted-key-of-nobody"

/** Where an agent runs: a home and a folder of its own. */
export interface Place {
  readonly home: string
  readonly work: string
  /** The scripted model. */
  readonly model: string
}

export interface Wish {
  readonly prompt: string
  /** Whether tools run without a question; else they are denied, for nobody is there to be asked. */
  readonly trusted: boolean
}

export interface RealAgent {
  /** The adapter's `agent`. */
  readonly agent: string
  readonly name: string
  /** Writes its settings. */
  readonly settle: (at: Place) => void
  readonly env: (at: Place) => Readonly<Record<string, string>>
  readonly command: (at: Place, wish: Wish) => ReadonlyArray<string>
  /** Whether it can be denied a tool while it runs; one that is not does not offer the tool at all. */
  readonly isAsking: boolean
  /** The tool by which a subagent is begun, and its input. */
  readonly subagent: { readonly name: string; readonly input: (prompt: string) => Readonly<Record<string, unknown>> }
}

const folder = process.env.AGENT_SYNC_TEST_AGENTS ?? ""
export const program = (name: string) => join(folder, "node_modules", ".bin", name)
export const claudeSdkFile = join(folder, "node_modules", "@anthropic-ai", "claude-agent-sdk", "sdk.mjs")

export const claudeEnv = ({ model }: Place) => ({
  ANTHROPIC_BASE_URL: model,
  ANTHROPIC_API_KEY: KEY,
  CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
  DISABLE_TELEMETRY: "1",
  DISABLE_AUTOUPDATER: "1",
  DISABLE_ERROR_REPORTING: "1",
  CLAUDE_CODE_MAX_RETRIES: "0"
})

const claudeSubagent = {
  name: "Agent",
  input: (prompt: string) => ({ description: "Count the files", prompt, subagent_type: "general-purpose" })
}

const claudeCode: RealAgent = {
  agent: "claude-code",
  name: "Claude Code",
  settle: () => {},
  env: claudeEnv,
  command: (_, { prompt, trusted }) => [
    ...[program("claude"), "-p", prompt, "--output-format", "stream-json", "--verbose"],
    ...["--model", "claude-sonnet-4-5"],
    ...(trusted ? ["--permission-mode", "acceptEdits", "--allowedTools", "Bash"] : [])
  ],
  isAsking: true,
  subagent: claudeSubagent
}

/** A program of somebody's, which prints each message as a line. */
const agentSdk: RealAgent = {
  agent: "claude-code",
  name: "Agent SDK",
  settle: ({ work }) => {
    const source = `
      import { query } from ${JSON.stringify(claudeSdkFile)}
      const [prompt, trusted] = process.argv.slice(2)
      const options = {
        cwd: process.cwd(), model: "claude-sonnet-4-5", env: process.env, settingSources: [],
        canUseTool: async (_, input) =>
          trusted === "yes" ? { behavior: "allow", updatedInput: input } : { behavior: "deny", message: "Not today." }
      }
      async function* said() {
        yield { type: "user", message: { role: "user", content: prompt }, parent_tool_use_id: null, session_id: "" }
      }
      let failed = false
      for await (const message of query({ prompt: said(), options })) {
        console.log(JSON.stringify(message))
        if (message.type === "result" && message.is_error) failed = true
      }
      process.exit(failed ? 1 : 0)
    `
    writeFileSync(join(work, "..", "program.mjs"), source)
  },
  env: claudeEnv,
  command: ({ work }, { prompt, trusted }) => [
    ...[process.execPath, join(work, "..", "program.mjs"), prompt, trusted ? "yes" : "no"]
  ],
  isAsking: true,
  subagent: claudeSubagent
}

const codex: RealAgent = {
  agent: "codex",
  name: "Codex",
  settle: ({ home }) => void mkdirSync(join(home, ".codex"), { recursive: true }),
  env: ({ home }) => ({ CODEX_HOME: join(home, ".codex"), SCRIPTED_KEY: KEY, RUST_LOG: "error" }),
  command: ({ model }, { prompt, trusted }) => [
    ...[program("codex"), "exec", "--json", "--skip-git-repo-check"],
    ...["--sandbox", trusted ? "danger-full-access" : "read-only", prompt],
    ...["-c", "model_provider=scripted"],
    "-c",
    `model_providers.scripted={ name = "scripted", base_url = "${model}/v1", env_key = "SCRIPTED_KEY", wire_api = "responses", request_max_retries = 0, stream_max_retries = 0 }`,
    ...["-c", "model=gpt-5-codex", "-c", "check_for_update_on_startup=false", "-c", "analytics.enabled=false"],
    ...["-c", 'otel.exporter="none"']
  ],
  isAsking: false,
  subagent: { name: "spawn_agent", input: (message) => ({ message, agent_type: "default" }) }
}

const gemini: RealAgent = {
  agent: "gemini",
  name: "Gemini CLI",
  settle: ({ home }) => {
    mkdirSync(join(home, ".gemini"), { recursive: true })
    const settings = {
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
      privacy: { usageStatisticsEnabled: false },
      telemetry: { enabled: false },
      security: { auth: { selectedType: "gemini-api-key" } }
    }
    writeFileSync(join(home, ".gemini", "settings.json"), JSON.stringify(settings))
  },
  env: ({ model }) => ({ GEMINI_API_KEY: KEY, GOOGLE_GEMINI_BASE_URL: model }),
  command: (_, { prompt, trusted }) => [
    ...[program("gemini"), "-m", "gemini-2.5-flash", "--skip-trust", "--approval-mode", trusted ? "yolo" : "default"],
    ...["-o", "stream-json", "-p", prompt]
  ],
  isAsking: false,
  subagent: { name: "invoke_agent", input: (prompt) => ({ agent_name: "generalist", prompt }) }
}

const opencode: RealAgent = {
  agent: "opencode",
  name: "opencode",
  settle: ({ model, work }) => {
    const settings = {
      provider: {
        scripted: {
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: `${model}/v1`, apiKey: KEY },
          models: { m1: { name: "Scripted" } }
        }
      },
      permission: { "*": "allow" },
      autoupdate: false,
      share: "disabled"
    }
    writeFileSync(join(work, "opencode.json"), JSON.stringify(settings))
    writeFileSync(
      join(work, "..", "opencode.ask.json"),
      JSON.stringify({ ...settings, permission: { "*": "allow", bash: "ask" } })
    )
  },
  env: () => ({
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    npm_config_registry: "http://127.0.0.1:9"
  }),
  command: ({ work }, { prompt, trusted }) => [
    ...(trusted ? [] : ["env", `OPENCODE_CONFIG=${join(work, "..", "opencode.ask.json")}`]),
    ...[program("opencode"), "run", "--format", "json", "-m", "scripted/m1", prompt]
  ],
  isAsking: true,
  subagent: {
    name: "task",
    input: (prompt) => ({ description: "Count the files", prompt, subagent_type: "general" })
  }
}

export const realAgents: ReadonlyArray<RealAgent> = [claudeCode, agentSdk, codex, gemini, opencode]
