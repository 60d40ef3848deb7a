import { mount } from "svelte";
import "./styles/fonts.css";
import "./styles/tokens.css";
import "./styles/base.css";
import { startRouter } from "./lib/router.svelte";
import App from "./views/App.svelte";

startRouter();
const target = document.querySelector("#app");
if (target) mount(App, { target });
