import { Anchor, type CSSVariablesResolver, createTheme, PasswordInput } from "@mantine/core";
import { m } from "../gen/words/messages";

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 8, dark: 7 },
  autoContrast: true,
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, monospace",
  defaultRadius: "sm",
  respectReducedMotion: true,
  components: {
    Anchor: Anchor.extend({ defaultProps: { size: "sm" } }),
    // As the labels of other fields.
    Fieldset: { styles: { legend: { fontSize: "var(--mantine-font-size-sm)", fontWeight: 500 } } },
    PasswordInput: PasswordInput.extend({
      defaultProps: {
        // What a pointer can do, keys can (WCAG 2.1.1).
        visibilityToggleFocusable: true,
        visibilityToggleButtonProps: { "aria-label": m.ui_show_or_hide_the_password() },
      },
    }),
  },
  colors: {
    petrol: [
      "#e8f6f8",
      "#d3ebef",
      "#a6d7df",
      "#76c2ce",
      "#50b0c0",
      "#37a5b7",
      "#279fb3",
      "#0f7f92",
      "#0b6474",
      "#08505d",
    ],
  },
});

/** What is dimmed, a hint or an error has enough contrast to be read (WCAG 1.4.3). */
export const variables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#55606a",
    "--mantine-color-placeholder": "#666f78",
    "--mantine-color-error": "#b3261e",
    "--mantine-color-anchor": "#0b6474",
    "--mantine-color-yellow-light-color": "#6b4300",
  },
  dark: {
    "--mantine-color-dimmed": "#aab4bd",
    "--mantine-color-placeholder": "#9aa4ad",
    "--mantine-color-error": "#ff9d97",
    "--mantine-color-anchor": "#76c2ce",
    "--mantine-color-red-filled": "#c92a2a",
    "--mantine-color-red-filled-hover": "#b32424",
  },
});
